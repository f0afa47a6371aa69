// The shop works without this file. With it, adding keeps the page where it is, and a form is not sent twice.
"use strict";

const replaced = ["bar", "notice"];

function adopt(page, ids) {
  for (const id of ids) {
    const fresh = page.getElementById(id);
    const old = document.getElementById(id);
    if (fresh && old) old.replaceWith(fresh);
  }
}

async function addInPlace(form) {
  const row = form.closest("[id^='row-']");
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!page.getElementById("bar")) {
      location.reload();
      return;
    }
    const typed = document.getElementById("q").value;
    adopt(page, row ? [...replaced, row.id] : replaced);
    document.getElementById("q").value = typed;
    const field = row && document.getElementById(row.id)?.querySelector("input[name=quantity]");
    if (field) field.focus({ preventScroll: true });
  } catch {
    form.submit();
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("form.add") && form.closest(".rows")) {
    event.preventDefault();
    addInPlace(form);
  } else if (form.method === "post") {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  }
});

// A page that the back button brings back may be sent again: its key tells the server.
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.matches("input, textarea")) {
    event.preventDefault();
    document.getElementById("q").focus();
  }
});
