// The editor works without this file. With it, what is chosen or typed is saved at once, and the page stays in place.
"use strict";

const editor = () => document.getElementById("editor");
const typed = (form) => {
  const data = new FormData(form);
  data.delete("seen");
  return new URLSearchParams(data).toString();
};

let busy = false;
let waiting = null;

// `press` is the value of a button; without one, what was chosen or typed is saved.
async function send(press) {
  if (busy) {
    waiting = press || waiting || "save";
    return;
  }
  busy = true;
  const before = typed(editor());
  const body = new URLSearchParams(new FormData(editor()));
  body.set("do", press || "save");
  try {
    const answer = await fetch(editor().action, { method: "POST", body });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("editor");
    if (!fresh) {
      location.assign(answer.url);
      return;
    }
    if (!press && typed(editor()) !== before) {
      editor().elements.seen.value = fresh.elements.seen.value;
      waiting = waiting || "save";
    } else {
      adopt(fresh, press);
    }
  } catch {
    // Nothing was saved: the next press, or the button itself, tries again.
  } finally {
    busy = false;
  }
  const next = waiting;
  waiting = null;
  if (next) send(next === "save" ? null : next);
}

function adopt(fresh, press) {
  const focused = document.activeElement;
  const id = focused && focused.id;
  const top = focused ? focused.getBoundingClientRect().top : 0;
  const open = new Set([...editor().querySelectorAll("details[open]")].map((one) => one.closest("[id]").id));
  for (const one of fresh.querySelectorAll("details")) if (open.has(one.closest("[id]").id)) one.open = true;
  editor().replaceWith(document.adoptNode(fresh));
  const jump = press && editor().querySelector("[autofocus]");
  const target = jump || (id && document.getElementById(id));
  if (!target) {
    const alert = editor().querySelector("[role=alert]");
    if (alert) alert.scrollIntoView();
    return;
  }
  target.focus({ preventScroll: !jump });
  if (!jump) scrollBy(0, target.getBoundingClientRect().top - top);
}

document.addEventListener("change", (event) => {
  if (event.target.form === editor() && !event.target.name.endsWith(".new")) send(null);
});

document.addEventListener("submit", (event) => {
  if (event.target !== editor() || !event.submitter) return;
  event.preventDefault();
  send(event.submitter.value);
});
