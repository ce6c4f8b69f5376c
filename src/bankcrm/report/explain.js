"use strict";
const data = JSON.parse(document.getElementById("explanations").textContent);
const answer = document.getElementById("answer");
const word = (name) => data.words[name] ?? String(name).replaceAll("_", " ");

const heads = [...answer.querySelectorAll("thead th")].map((head) => head.textContent);

function add(row, kind, text) {
  const made = document.createElement(kind);
  if (kind === "td") made.dataset.label = heads[row.children.length]; // shown on a phone
  made.textContent = text; // never as HTML: ids and texts come from the bank's data
  if (kind === "th") made.scope = "row";
  row.append(made);
}

function formatted(value) {
  if (value === null || value === undefined) return "-";
  if (typeof value === "number")
    return value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 10 ? 3 : 1 });
  return word(value);
}

function seen(table, rule, values) {
  const value = (fact) => formatted(values[data.facts.indexOf(fact)]);
  const tests = Object.keys(rule.when);
  if (tests.length)
    return tests.map((f) => `${word(f)} ${rule.when[f]} (${value(f)})`).join("; ");
  const all = [...new Set(table.rules.flatMap((r) => Object.keys(r.when)))];
  return `${word("otherwise")}: ${all.map((f) => `${word(f)} ${value(f)}`).join("; ")}`;
}

// Why a table has no outcome: it does not apply to the customer, or a fact is missing.
function absence(table, values) {
  const applies = !table.where || values[data.facts.indexOf(table.where)];
  return applies ? table.absent : table.elsewhere;
}

function lineOf(table, rule, values) {
  const line = document.createElement("tr");
  add(line, "th", word(table.id));
  add(line, "td", rule ? word(rule.then) : word("undecided"));
  add(line, "td", rule ? `${rule.id}${rule.owner ? ` (${rule.owner})` : ""}` : "");
  add(line, "td", word(rule ? rule.because : absence(table, values)));
  add(line, "td", rule ? seen(table, rule, values) : "");
  add(line, "td", rule ? rule.source : "");
  return line;
}

function show(id) {
  const body = answer.querySelector("tbody");
  const facts = answer.querySelector("dl");
  const known = Object.hasOwn(data.customers, id);
  body.replaceChildren();
  facts.replaceChildren();
  for (const part of answer.querySelectorAll("table, h3")) part.hidden = !known;
  document.getElementById("asking").classList.toggle("answered", known);
  answer.querySelector("p").textContent = known ? id : word("No such customer on this page.");
  if (!known) return;
  const row = data.customers[id];
  const values = row.slice(data.tables.length);
  data.tables.forEach((table, i) => {
    const deciding = row[i].length ? row[i].map((n) => table.rules[n]) : [undefined];
    for (const rule of deciding) body.append(lineOf(table, rule, values)); // several may be collected
  });
  data.facts.forEach((fact, i) => {
    const pair = document.createElement("div");
    add(pair, "dt", word(fact));
    add(pair, "dd", formatted(values[i]));
    facts.append(pair);
  });
  reach();
}

// Only cards that can be scrolled take the focus of the keyboard.
function reach() {
  for (const card of document.querySelectorAll(".card"))
    if (card.scrollWidth > card.clientWidth) card.tabIndex = 0;
    else card.removeAttribute("tabindex");
}

document.getElementById("search").addEventListener("submit", (event) => {
  event.preventDefault();
  show(document.getElementById("customer").value.trim());
});
addEventListener("resize", reach);
reach();
