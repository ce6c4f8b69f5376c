"use strict";
const data = JSON.parse(document.getElementById("explanations").textContent);
const answer = document.getElementById("answer");
const word = (name) => data.words[name] ?? String(name).replaceAll("_", " ");

function cell(row, kind, text) {
  const made = document.createElement(kind);
  made.textContent = text; // never as HTML: ids and texts come from the bank's data
  if (kind === "th") made.scope = "row";
  row.append(made);
}

function seen(rule, values) {
  const facts = Object.keys(rule.when).length ? Object.keys(rule.when) : [];
  return facts
    .map((fact) => `${fact.replaceAll("_", " ")} ${rule.when[fact]}: ${values[data.facts.indexOf(fact)] ?? "-"}`)
    .join("; ") || word("otherwise");
}

function show(id) {
  const body = answer.querySelector("tbody");
  const known = Object.hasOwn(data.customers, id);
  body.replaceChildren();
  answer.querySelector("table").hidden = !known;
  answer.querySelector("p").textContent = known ? id : word("No such customer on this page.");
  if (!known) return;
  const row = data.customers[id];
  const values = row.slice(data.tables.length);
  data.tables.forEach((table, i) => {
    const rule = table.rules[row[i]];
    const line = document.createElement("tr");
    cell(line, "th", word(table.id));
    cell(line, "td", rule ? word(rule.then) : word("undecided"));
    cell(line, "td", rule ? `${rule.id}${rule.owner ? ` (${rule.owner})` : ""}` : "");
    cell(line, "td", rule ? rule.because : "");
    cell(line, "td", rule ? seen(rule, values) : "");
    cell(line, "td", rule ? rule.source : "");
    body.append(line);
  });
}

document.getElementById("search").addEventListener("submit", (event) => {
  event.preventDefault();
  show(document.getElementById("customer").value.trim());
});
