// Loads the page's content again after a change, without moving focus, scroll or what is opened. Closed while hidden.
const main = document.querySelector("main");
let stream = null;
let due = 0;

function busy() {
  const here = document.activeElement;
  return here && main.contains(here) && ["INPUT", "SELECT", "TEXTAREA"].includes(here.tagName);
}

function places(kind) {
  return [...main.querySelectorAll(kind)];
}

async function refresh() {
  if (document.hidden || busy() || main.querySelector("form[method=post]:not(td form), td input:checked")) return;
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
  if (!next || next.innerHTML === main.innerHTML || busy() || !getSelection().isCollapsed) return;
  const open = places("details").map((each) => each.open);
  const focused = places("a, button, summary").indexOf(document.activeElement);
  main.replaceChildren(...next.childNodes);
  places("details").forEach((each, index) => { each.open = open[index] ?? false; });
  places("a, button, summary")[focused]?.focus({ preventScroll: true });
}

function listen() {
  stream?.close();
  stream = null;
  if (document.hidden) return;
  stream = new EventSource(document.body.dataset.events);
  stream.addEventListener("changed", () => {
    clearTimeout(due);
    due = setTimeout(refresh, 200);
  });
}

document.addEventListener("visibilitychange", () => { listen(); if (!document.hidden) refresh(); });
listen();
