// Keys: / goes to the filter, j and k to the next and the previous row, g and a letter to a page, ? to the list of keys.
const PAGES = { a: "", r: "runs", q: "queues", w: "workers" };
let going = false;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const first = going;
  going = event.key === "g" && !first;
  if (first && event.key in PAGES) {
    location.assign(document.querySelector(".brand").href + PAGES[event.key]);
  } else if (event.key === "/") {
    const field = document.querySelector(".filter input, .filter select");
    if (field) { event.preventDefault(); field.focus(); }
  } else if (event.key === "?") {
    const keys = document.querySelector("#keys");
    keys.open = true;
    keys.querySelector("summary").focus();
  } else if (event.key === "j" || event.key === "k") {
    const links = [...document.querySelectorAll("main tbody tr")].map((row) => row.querySelector("a")).filter(Boolean);
    const here = links.indexOf(document.activeElement);
    links[Math.max(0, Math.min(links.length - 1, here + (event.key === "j" ? 1 : -1)))]?.focus();
  }
});
