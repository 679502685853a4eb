// The page for SQL: examples go into the form, Ctrl+Enter runs the statement. Without this the page works too.
"use strict";

const statement = document.getElementById("sql");
const form = document.getElementById("sql-form");

for (const example of document.querySelectorAll("details.example")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain";
  button.textContent = "Use this one";
  button.addEventListener("click", () => {
    statement.value = example.querySelector("code").textContent;
    statement.focus();
    statement.scrollIntoView({ block: "center" });
  });
  example.append(button);
}

statement.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit(form.querySelector("button[value='']"));
  }
});
