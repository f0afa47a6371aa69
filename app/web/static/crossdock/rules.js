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
  const sent = editor();
  const before = typed(sent);
  const focused = document.activeElement;
  const body = new URLSearchParams(new FormData(editor()));
  body.set("do", press || "save");
  // A press changes the rows themselves, so nothing that is typed before its answer could be kept.
  sent.inert = Boolean(press);
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
      adopt(fresh, press, press ? focused : document.activeElement);
    }
  } catch {
    // Nothing was saved: the next press, or the button itself, tries again.
  } finally {
    busy = false;
    if (sent.inert) {
      sent.inert = false;
      if (sent.isConnected) focused.focus();
    }
  }
  const next = waiting;
  waiting = null;
  if (next) send(next === "save" ? null : next);
}

// The control of the fresh form that is the same as one of the old form.
function twin(control, fresh) {
  const box = control.tagName === "SUMMARY" && control.closest("[id]");
  if (box) return fresh.querySelector(`[id="${box.id}"] summary`);
  const named = [...fresh.elements].filter((one) => one.name === control.name);
  return named.find((one) => one.type !== "submit" || one.value === control.value) || null;
}

function adopt(fresh, press, focused) {
  const same = focused && editor().contains(focused) && twin(focused, fresh);
  const caret = focused && focused.type === "text" ? [focused.selectionStart, focused.selectionEnd] : null;
  const top = focused ? focused.getBoundingClientRect().top : 0;
  const open = new Set([...editor().querySelectorAll("details[open]")].map((one) => one.closest("[id]").id));
  for (const one of fresh.querySelectorAll("details")) if (open.has(one.closest("[id]").id)) one.open = true;
  editor().replaceWith(document.adoptNode(fresh));
  const jump = press && editor().querySelector("[autofocus]");
  const alert = press && editor().querySelector("[role=alert]");
  const target = jump || same;
  if (alert) alert.scrollIntoView();
  if (!target) return;
  target.focus({ preventScroll: !jump });
  if (!jump && caret && target.type === "text") target.setSelectionRange(...caret);
  if (!jump && !alert) scrollBy(0, target.getBoundingClientRect().top - top);
}

function saveChosen() {
  clearTimeout(chosen);
  chosen = 0;
  send(null);
}

// Letters typed in a select change it one after the other: it is saved when they have come to an end.
let chosen = 0;

document.addEventListener("change", (event) => {
  if (event.target.form !== editor() || event.target.name.endsWith(".new")) return;
  if (event.target.tagName === "SELECT") {
    clearTimeout(chosen);
    chosen = setTimeout(saveChosen, 700);
  } else {
    saveChosen();
  }
});

document.addEventListener("focusout", (event) => {
  if (chosen && event.target.form === editor()) saveChosen();
});

document.addEventListener("submit", (event) => {
  if (event.target !== editor() || !event.submitter) return;
  event.preventDefault();
  send(event.submitter.value);
});
