// Tables: sort by a heading, filter, show all rows, save as CSV.
const FEW = matchMedia("(max-width: 50rem)").matches ? 12 : 25; // rows that a long table shows at first
const OTHER = { managers: 5, "this-week": 200 }; // and where another number is better
const FILTERED = 10; // tables of more rows have a filter
const risky = new RegExp(`^(?:${data.guard})`);
const spoken = document.createElement("p");
spoken.className = "hidden-text";
spoken.setAttribute("role", "status");
document.body.append(spoken);

const plain = (cell) => cell.dataset.v ?? cell.textContent.trim();

function saved(cell) {
  // Numbers are saved as they are; a text that a spreadsheet would run gets an apostrophe.
  const value = plain(cell);
  const safe = cell.dataset.v === undefined && risky.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function csvOf(table) {
  const head = [...table.tHead.rows[0].cells].map(saved);
  const rows = [...table.tBodies[0].rows].filter((row) => !row.dataset.filtered);
  return [head, ...rows.map((row) => [...row.cells].map(saved))].map((r) => r.join(",")).join("\r\n") + "\r\n";
}

function save(table) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", csvOf(table)], { type: "text/csv" }));
  link.download = `${table.id}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function compare(a, b) {
  const [x, y] = [plain(a), plain(b)];
  if (x === "-" || y === "-") return (x === "-") - (y === "-");
  if (a.dataset.v !== undefined && b.dataset.v !== undefined) return Number(x) - Number(y);
  return x.localeCompare(y, data.language, { numeric: true });
}

function sort(table, head) {
  const way = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", way);
  const column = head.cellIndex;
  const rows = [...table.tBodies[0].rows].sort((a, b) => {
    const [x, y] = [a.cells[column], b.cells[column]];
    const unknown = plain(x) === "-" || plain(y) === "-"; // stay last, whichever way
    return way === "ascending" || unknown ? compare(x, y) : compare(y, x);
  });
  table.tBodies[0].append(...rows);
  limit(table);
  spoken.textContent = `${text("sorted by")} ${head.textContent}, ${text(way)}`;
}

function limit(table) {
  const rows = [...table.tBodies[0].rows];
  const kept = rows.filter((row) => !row.dataset.filtered);
  const few = OTHER[table.id] ?? FEW;
  const shown = table.dataset.all ? kept.length : few;
  for (const row of rows) row.hidden = Boolean(row.dataset.filtered);
  for (const row of kept.slice(shown)) row.hidden = true;
  for (const row of rows) row.classList.remove("last");
  for (const row of kept.slice(0, shown).slice(-2)) row.classList.add("last"); // printed on one page
  const cut = Math.max(kept.length - shown, 0);
  if (cut) table.parentElement.dataset.cut = `${text("rows not printed")}${text(": ")}${cut.toLocaleString("en")}`;
  else delete table.parentElement.dataset.cut;
  const more = table.parentElement.querySelector(".more");
  if (!more) return;
  more.hidden = kept.length <= few;
  more.textContent = table.dataset.all ? text("Show fewer") : `${text("Show all")} ${kept.length.toLocaleString("en")}`;
}

function filter(table, typed) {
  const sought = typed.trim().toLowerCase();
  for (const row of table.tBodies[0].rows)
    if (sought && !row.textContent.toLowerCase().includes(sought)) row.dataset.filtered = "1";
    else delete row.dataset.filtered;
  limit(table);
  const kept = table.tBodies[0].querySelectorAll("tr:not([data-filtered])").length;
  spoken.textContent = `${kept} ${text("rows")}`;
}

function button(label, style, act) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = style;
  element.textContent = label;
  element.addEventListener("click", act);
  return element;
}

function equip(table) {
  const rows = table.tBodies[0].rows;
  const name = table.caption.textContent.trim();
  const tools = document.createElement("div");
  tools.className = "tools";
  if (rows.length > FILTERED) {
    const field = document.createElement("input");
    field.type = "search";
    field.placeholder = text("Filter");
    field.setAttribute("aria-label", `${text("Filter")}${text(": ")}${name}`);
    field.addEventListener("input", () => filter(table, field.value));
    tools.append(field);
    table.parentElement.classList.add("filtered");
  }
  const download = button("CSV", "csv", () => save(table));
  download.setAttribute("aria-label", `${text("Save as CSV")}${text(": ")}${name}`);
  tools.append(download);
  table.before(tools);
  if (rows.length > 2)
    for (const head of table.tHead.rows[0].cells) {
      const label = head.textContent;
      head.dataset.head = label; // printed instead of the button
      head.replaceChildren(button(label, "sort", () => sort(table, head)));
    }
  if (rows.length > (OTHER[table.id] ?? FEW)) {
    const more = button("", "more", () => {
      if (table.dataset.all) delete table.dataset.all;
      else table.dataset.all = "1";
      limit(table);
    });
    table.after(more);
  }
  limit(table);
}

function labelled(table) {
  const heads = [...table.tHead.rows[0].cells].map((head) => head.textContent);
  for (const row of table.tBodies[0].rows)
    for (const cell of row.cells) if (cell.tagName === "TD") cell.dataset.label = heads[cell.cellIndex];
}

// Only cards that can be scrolled take the focus of the keyboard.
function reach() {
  for (const card of document.querySelectorAll(".card, nav"))
    if (card.scrollWidth > card.clientWidth) {
      card.tabIndex = 0;
      if (card.tagName !== "NAV") card.setAttribute("role", "group");
    } else card.removeAttribute("tabindex");
}

for (const table of document.querySelectorAll("main table")) {
  if (table.classList.contains("stack")) labelled(table);
  equip(table);
}
addEventListener("resize", reach);
reach();
route();
