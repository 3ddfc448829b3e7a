// Sends forms without leaving the page, fetches the page again when something has changed, and puts into place only
// what differs, so that focus, typed words, open details and scroll positions stay.
"use strict";

let turn = 0, going = 0, waiting;

function morph(now, next) {
  if (now.isEqualNode(next) || now.nodeName === "DIALOG") return; // a question that is being asked stays
  if (now.nodeType !== next.nodeType || now.nodeName !== next.nodeName || now.id !== next.id) return now.replaceWith(next);
  if (now.nodeType !== Node.ELEMENT_NODE) return void (now.nodeValue = next.nodeValue);
  const keeps = (name) => now.hasAttribute("data-keep") && name === "open";
  for (const { name } of [...now.attributes]) if (!next.hasAttribute(name) && !keeps(name)) now.removeAttribute(name);
  for (const { name, value } of next.attributes) if (now.getAttribute(name) !== value) now.setAttribute(name, value);
  if (now.nodeName === "SELECT" && document.activeElement !== now) return now.replaceWith(next);
  morphChildren(now, next);
  if (now.nodeName === "INPUT" && document.activeElement !== now && (now.type === "radio" || now.type === "checkbox")) {
    if (!now.closest(".modal")) now.checked = next.checked;
  }
}

function morphChildren(now, next) {
  const known = new Map([...now.children].filter((one) => one.id).map((one) => [one.id, one]));
  let place = now.firstChild;
  for (const wanted of [...next.childNodes]) {
    const same = wanted.id && known.get(wanted.id);
    if (same) {
      if (same !== place) now.insertBefore(same, place);
      else place = place.nextSibling;
      morph(same, wanted);
    } else if (place && !(place.id && next.querySelector(`:scope > #${CSS.escape(place.id)}`))) {
      const after = place.nextSibling;
      morph(place, wanted);
      place = after;
    } else now.insertBefore(wanted, place);
  }
  while (place) {
    const after = place.nextSibling;
    place.remove();
    place = after;
  }
}

// `goes`: the answer is where somebody went, and may have another address. What was asked before counts no more.
async function show(request, goes) {
  const mine = ++turn;
  if (goes) going += 1;
  try {
    const response = await request;
    const text = await response.text();
    if (!goes && (going || mine !== turn)) return;
    const next = new DOMParser().parseFromString(text, "text/html");
    if (next.body.dataset.tab) draw(next.body, goes && response.url);
  } finally {
    if (goes) going -= 1;
    if (goes) refresh(); // what changed meanwhile
  }
}

function draw(body, address) {
  const lists = [...document.querySelectorAll("[data-stick]")];
  const atEnd = new Map(lists.map((one) => [one.id, one.scrollHeight - one.scrollTop - one.clientHeight < 60]));
  const modal = document.querySelector(".modal")?.id;
  morph(document.body, body);
  if (address && address !== location.href) history.pushState(null, "", address);
  for (const one of document.querySelectorAll("[data-stick]")) if (atEnd.get(one.id) ?? true) one.scrollTop = one.scrollHeight;
  const opened = document.querySelector(".modal");
  if (opened && opened.id !== modal) opened.querySelector(".blocks input, .blocks textarea, .blocks select, footer button")?.focus();
}

function refresh() {
  clearTimeout(waiting);
  waiting = setTimeout(() => going || show(fetch(location.href)), 60);
}

function confirmed(asked) {
  if (!asked?.dataset.confirm) return Promise.resolve(true);
  const dialog = document.getElementById("confirm");
  dialog.querySelector("h2").textContent = asked.dataset.title;
  dialog.querySelector("p").textContent = asked.dataset.confirm;
  dialog.querySelector("[value=no]").textContent = asked.dataset.no;
  dialog.querySelector("[value=yes]").textContent = asked.dataset.yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }));
}

async function send(form, sender, more) {
  const fields = new URLSearchParams(new FormData(form));
  if (sender?.name) fields.set(sender.name, sender.value);
  for (const [name, value] of Object.entries(more ?? {})) fields.set(name, value);
  const address = more?.act ? `/do/slack/act${location.search}` : sender?.getAttribute("formaction") ?? form.getAttribute("action");
  if (sender?.dataset.url) window.open(sender.dataset.url, "_blank", "noreferrer");
  sender?.setAttribute("aria-busy", "true");
  if (form.method === "get") return show(fetch(`${address}?${fields}`), true);
  for (const box of form.querySelectorAll("[data-clear]")) box.value = "";
  await show(fetch(address, { method: "POST", body: fields }), true);
  sender?.removeAttribute("aria-busy");
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.method === "dialog") return;
  event.preventDefault();
  if (await confirmed(event.submitter)) send(form, event.submitter);
});

document.addEventListener("change", async (event) => {
  const one = event.target;
  if (!one.matches?.("[data-submit], [data-act]")) return;
  if (!(await confirmed(one))) return show(fetch(location.href), true);
  send(one.form, null, one.dataset.act ? { act: one.dataset.act } : undefined);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='/?']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(fetch(link.href), true);
});

document.addEventListener("input", async (event) => {
  const { suggest, view, block, least } = event.target.dataset ?? {};
  const typed = event.target.value;
  if (!suggest || typed.length < Number(least)) return;
  const me = new URLSearchParams(location.search).get("me") ?? "U0REP1";
  const found = await (await fetch(`/suggest?${new URLSearchParams({ me, view, block, typed })}`)).json();
  document.getElementById(suggest).replaceChildren(...found.map((one) => new Option(one.text, one.value)));
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelector(".modal .close, .thread .close")?.click();
});

addEventListener("popstate", () => show(fetch(location.href)));
for (const one of document.querySelectorAll("[data-stick]")) one.scrollTop = one.scrollHeight;
new EventSource("/changes").addEventListener("changed", refresh);
