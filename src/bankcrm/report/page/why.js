"use strict";
// Why a customer or a complaint was decided as it was. Texts are set as text, never as HTML: ids and
// reasons come from the bank's data.
const data = JSON.parse(document.getElementById("explanations").textContent);
const dialog = document.getElementById("why");
const answer = document.getElementById("answer");
const asked = document.getElementById("asked");
const word = (name) => data.words[name] ?? String(name).replaceAll("_", " ");
const text = (name) => data.text[name] ?? name;
const KINDS = ["customer", "complaint"];
const OWNERS = ["department", "manager"];
const departmentOf = (name) => (Object.hasOwn(data.actions.departments, name) ? data.actions.departments[name] : name);
const owners = [...new Set(OWNERS.flatMap((kind) => data.actions[kind].d ?? data.actions[kind]))].filter(Boolean);
const place = Object.fromEntries(
  KINDS.map((kind) => [kind, new Map(data[kind].ids.map((id, i) => [id, i]))]),
);

function made(parent, name, content = "", style = "") {
  const element = document.createElement(name);
  if (content !== "") element.textContent = content;
  if (style) element.className = style;
  parent.append(element);
  return element;
}

// A column is a plain list, or a dictionary "d" with codes "c": numbers, or one digit each.
const at = (column, i) => (column.d ? column.d[codeAt(column.c, i)] : column[i]);
const codeAt = (codes, i) => (typeof codes === "string" ? parseInt(codes[i], 36) : codes[i]);
const sizeOf = (column) => (column.c ?? column).length;

function formatted(value) {
  if (value === null || value === undefined || value === "") return "-";
  if (value === true || value === false) return text(value ? "yes" : "no");
  if (typeof value !== "number") return word(value);
  const size = Math.abs(value);
  const digits = Number.isInteger(value) || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

function subjectOf(kind, i) {
  const part = data[kind];
  const value = (fact) => at(part.values[part.facts.indexOf(fact)] ?? [], i);
  const has = (fact) => part.facts.includes(fact);
  const decided = part.tables.map((table, t) => ({
    table,
    rules: (at(part.rules[t], i) ?? []).map((n) => table.rules[n]),
  }));
  return { kind, part, value, has, decided };
}

// The tests of a rule with the values seen; those of the whole table for the rule without tests.
function seen(rule, subject) {
  return Object.entries(rule.when)
    .map(([fact, test]) => {
      const value = subject.has(fact) ? formatted(subject.value(fact)) : "";
      if (value === "" || value === test) return `${word(fact)}${text(": ")}${test}`;
      return `${word(fact)}${text(": ")}${value} (${test})`;
    })
    .join(text("; "));
}

// Why a table has no outcome: it does not apply, or a fact is missing.
function absence(table, subject) {
  const applies = !table.where || subject.value(table.where);
  return word(applies ? table.absent : table.elsewhere);
}

function sourceOf(rule) {
  const parts = rule.source ? rule.source.split("; ") : [];
  return parts.map((s) => (data.sources[s] ? `${s}${text(": ")}${data.sources[s]}` : s)).join(text("; "));
}

function showWarning(subject) {
  const found = subject.decided.find((d) => d.table.id === "warning");
  const signals = found ? found.rules.filter((rule) => rule.then !== "none") : [];
  if (!signals.length) return;
  const box = made(answer, "section", "", "warned");
  made(box, "h3", text("Why there is a warning"));
  const list = made(box, "ul");
  for (const rule of signals) {
    const line = made(list, "li", word(rule.because));
    made(line, "span", seen(rule, subject), "because");
  }
}

// The positions of the actions that have a value in one of some columns.
function actionsOf(kinds, value) {
  const columns = kinds.map((kind) => data.actions[kind]);
  const found = [];
  for (let i = 0; i < sizeOf(columns[0]); i++) if (columns.some((c) => at(c, i) === value)) found.push(i);
  return found;
}

// What is to be done for a customer or about a complaint, and by when.
function showActions(kind, id) {
  const { complaint, title, due, priority, department, manager, channel, reason, held } = data.actions;
  const mine = actionsOf([kind], id);
  if (!mine.length) return;
  made(answer, "h3", text("What to do"));
  const list = made(answer, "ul", "", "to-do");
  for (const i of mine) {
    const line = made(list, "li");
    made(line, "strong", `${text("by")} ${at(due, i)}${text(": ")}${at(title, i)}`);
    const owner = [departmentOf(at(department, i)), at(manager, i)];
    const about = [word(at(priority, i)), ...owner, at(channel, i) && word(at(channel, i))].filter(Boolean);
    line.append(` (${about.join(text(", "))})`);
    made(line, "span", at(reason, i), "because");
    if (at(held, i)) made(line, "span", at(held, i), "because bad");
    if (kind === "customer" && at(complaint, i)) link(line, "complaint", at(complaint, i));
  }
}

// What a department or a manager has to do: this week and what is overdue, then the rest.
function showOwner(name) {
  const { due, until, more } = data.actions;
  const mine = actionsOf(OWNERS, name);
  const soon = mine.filter((i) => at(due, i) <= until);
  const later = mine.filter((i) => at(due, i) > until);
  if (!soon.length) made(answer, "p", text("No action is due this week."));
  else showTasks("this-week", `${text("Due this week or overdue")}${text(": ")}${soon.length.toLocaleString("en")}`, soon);
  if (later.length) showTasks("later", `${text("Due later")}${text(": ")}${later.length.toLocaleString("en")}`, later);
  if (more) made(answer, "p", text("Only customers that this page explains; all are in actions.csv."), "left-out");
}

function showTasks(id, title, rows) {
  const card = made(answer, "div", "", "card");
  const table = made(card, "table", "", "stack");
  table.id = id;
  made(table, "caption", title);
  const head = made(made(table, "thead"), "tr");
  const { customer, complaint, title: action, due, priority, reason, held } = data.actions;
  const about = [["customer", customer], ["complaint", complaint]].filter(([, c]) => rows.some((i) => at(c, i)));
  for (const name of ["action", ...about.map(([kind]) => kind), "due", "priority", "reasons"])
    made(head, "th", text(name)).scope = "col";
  const body = made(table, "tbody");
  for (const i of rows) {
    const row = made(body, "tr");
    made(row, "th", at(action, i)).scope = "row";
    for (const [kind, column] of about)
      if (at(column, i)) link(made(row, "td"), kind, at(column, i));
      else made(row, "td", "-");
    made(row, "td", at(due, i), "one");
    made(row, "td", word(at(priority, i)), at(priority, i) === "urgent" ? "bad" : "");
    const why = made(row, "td", at(reason, i));
    if (at(held, i)) made(why, "span", at(held, i), "because bad");
  }
  labelled(table);
  equip(table);
}

function showDecisions(subject) {
  made(answer, "h3", text("Decisions"));
  const list = made(answer, "dl", "", "decisions");
  for (const { table, rules } of subject.decided) {
    if (table.brief === false) continue;
    const row = made(list, "div");
    made(row, "dt", word(table.id));
    const cell = made(row, "dd", rules.length ? rules.map((r) => word(r.then)).join(text(", ")) : text("undecided"));
    const why = rules.length ? rules.map((r) => word(r.because)).join(text("; ")) : absence(table, subject);
    made(cell, "span", why, "because");
  }
}

function statusOf(table, i, chosen) {
  if (!chosen.length) return "";
  if (chosen.includes(table.rules[i])) return "applies";
  const reached = table.hit !== "first" || i < table.rules.indexOf(chosen[0]);
  return reached ? "does not apply" : "not reached";
}

function showTrace(subject) {
  const whole = made(answer, "details");
  made(whole, "summary", text("Full trace"));
  for (const { table, rules } of subject.decided) {
    made(whole, "h3", `${word(table.id)} (${table.title}, ${table.version})`);
    if (!rules.length) made(whole, "p", `${text("undecided")}${text(": ")}${absence(table, subject)}`);
    const list = made(whole, "ol", "", "trace");
    table.rules.forEach((rule, i) => {
      const status = statusOf(table, i, rules);
      const owner = rule.owner ? ` (${rule.owner})` : "";
      const mark = status === "applies" ? "yes" : "no";
      const line = made(list, "li", `${rule.id}${owner} → ${word(rule.then)}${status ? `${text(": ")}${text(status)}` : ""}`, mark);
      made(line, "span", seen(rule, subject) || text("otherwise"), "because");
      if (status === "applies") made(line, "span", sourceOf(rule), "because");
    });
  }
}

function showFacts(subject, open) {
  const whole = made(answer, "details");
  whole.open = open;
  made(whole, "summary", text("All facts"));
  const list = made(whole, "dl", "", "facts");
  for (const fact of subject.part.facts) {
    const pair = made(list, "div");
    made(pair, "dt", word(fact));
    const value = subject.value(fact);
    const cell = made(pair, "dd");
    if (fact === "customer_id" && place.customer.has(String(value))) link(cell, "customer", String(value));
    else cell.textContent = fact.endsWith("_id") ? String(value ?? "-") : formatted(value);
  }
}

function link(parent, kind, id) {
  made(parent, "a", id).href = `#${kind}=${encodeURIComponent(id)}`;
}

function showComplaints(customer) {
  const { ids, facts, values } = data.complaint;
  const column = values[facts.indexOf("customer_id")];
  if (!column) return;
  const mine = ids.map((id, i) => [id, i]).filter(([, i]) => String(at(column, i)) === customer);
  if (!mine.length) return;
  made(answer, "h3", text("Complaints of this customer"));
  const list = made(answer, "ul");
  for (const [id, i] of mine) {
    const line = made(list, "li");
    link(line, "complaint", id);
    const value = (fact) => formatted(at(values[facts.indexOf(fact)], i));
    line.append(` ${["kind", "severity", "state"].map(value).join(text(", "))}${text(", ")}${text("due")} ${value("due")}`);
  }
}

const TITLES = { customer: "Customer", complaint: "Complaint", owner: "What to do" };

function show(kind, id) {
  const known = kind === "owner" ? owners.includes(id) : place[kind].has(id);
  answer.replaceChildren();
  dialog.classList.toggle("wide", kind === "owner");
  const name = kind === "owner" ? departmentOf(id) : id;
  document.getElementById("why-title").textContent = `${text(TITLES[kind])}${kind === "owner" ? text(": ") : " "}${name}`;
  if (!known) made(answer, "p", text(`No such ${kind} on this page.`));
  else if (kind === "owner") showOwner(id);
  else {
    const subject = subjectOf(kind, place[kind].get(id));
    if (kind === "customer") showWarning(subject);
    showActions(kind, id);
    showDecisions(subject);
    if (kind === "customer") showComplaints(id);
    showFacts(subject, kind === "complaint");
    showTrace(subject);
  }
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

function route() {
  const [kind, ...rest] = location.hash.slice(1).split("=");
  if (Object.hasOwn(TITLES, kind) && rest.length) {
    let id = rest.join("=");
    try { id = decodeURIComponent(id); } catch { /* a link that somebody mistyped */ }
    show(kind, id);
  } else if (dialog.open) dialog.close();
}

// The link of the answer goes with it; what the page showed before stays where it was.
function forget() {
  history.replaceState(null, "", location.pathname + location.search);
}

function dismiss() {
  dialog.close();
  forget();
}

dialog.addEventListener("cancel", forget);
document.getElementById("close").addEventListener("click", dismiss);
dialog.addEventListener("click", (event) => { if (event.target === dialog) dismiss(); });
document.getElementById("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const id = asked.value.trim();
  const known = KINDS.find((k) => place[k].has(id));
  const kind = known ?? (owners.includes(id) ? "owner" : "customer");
  const hash = `#${kind}=${encodeURIComponent(id)}`;
  if (location.hash === hash) route();
  else location.hash = hash;
});
asked.addEventListener("input", () => {
  const typed = asked.value.trim();
  const options = [];
  for (const [kind, ids] of [...KINDS.map((k) => [k, data[k].ids]), ["owner", owners]])
    for (const id of ids) {
      if (options.length >= 12 || !typed) break;
      if (!id.startsWith(typed)) continue;
      const option = document.createElement("option");
      option.value = id;
      option.label = `${id} (${text(TITLES[kind])})`;
      options.push(option);
    }
  document.getElementById("ids").replaceChildren(...options);
});
addEventListener("hashchange", route);
