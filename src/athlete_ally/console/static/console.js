// Updates the parts of a page that change, switches the theme, copies commands. Every page works without it.

const THEMES = ["system", "light", "dark"];
const EVERY_MS = 2000;
const TIMEOUT_MS = 8000;
const OLD_AFTER_MS = 8000;

function currentTheme() {
  return document.documentElement.dataset.theme || "system";
}

function setUpThemeSwitch(button) {
  const show = () => { button.textContent = `Theme: ${currentTheme()}`; };
  button.hidden = false;
  show();
  button.addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(currentTheme()) + 1) % THEMES.length];
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try { localStorage.setItem("theme", next); } catch { /* then it applies to this page only */ }
    show();
  });
}

function offerCopies(root) {
  if (!navigator.clipboard) return;
  for (const code of root.querySelectorAll("code[data-copy]:not([data-offered])")) {
    code.dataset.offered = "";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy ${code.textContent}`);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    code.after(button);
  }
}

function shapeOf(root) {
  const copy = root.cloneNode(true);
  for (const each of copy.querySelectorAll("[data-offered]")) each.removeAttribute("data-offered");
  for (const each of copy.querySelectorAll("button.copy")) each.remove();
  for (const each of copy.querySelectorAll("[id]")) {
    if (!each.children.length) each.textContent = "";
    each.removeAttribute("width");
  }
  return copy.innerHTML.replace(/\s+/g, " ").trim();
}

// Figures are changed in place, so that focus, selection and the position of a screen reader are kept.
function renew(region, html) {
  const fresh = document.createElement("div");
  fresh.innerHTML = html;
  if (shapeOf(fresh) === shapeOf(region)) {
    for (const each of fresh.querySelectorAll("[id]")) {
      const here = document.getElementById(each.id);
      if (here && !each.children.length && here.textContent !== each.textContent) here.textContent = each.textContent;
      if (here && each.hasAttribute("width")) here.setAttribute("width", each.getAttribute("width"));
    }
    return;
  }
  const focused = region.contains(document.activeElement) ? document.activeElement : null;
  region.replaceChildren(...fresh.childNodes);
  offerCopies(region);
  if (focused) likeIt(region, focused)?.focus();
}

function likeIt(region, element) {
  const name = (each) => `${each.tagName} ${each.getAttribute("aria-label") ?? each.textContent}`;
  return [...region.querySelectorAll("a, button, [tabindex]")].find((each) => name(each) === name(element));
}

function say(text, isProblem) {
  const line = document.querySelector("[data-live-state]");
  if (!line || line.textContent === text) return;
  line.textContent = text;
  line.classList.toggle("problem", isProblem);
}

// A console that hangs answers nothing, not even with an error: the page itself knows how old it is.
function watchAge(region, age) {
  setInterval(() => {
    const isOld = Date.now() - age.at > OLD_AFTER_MS;
    region.classList.toggle("outdated", isOld);
    if (isOld) say(`Not up to date: the console does not answer. Last update ${timeOf(age.at)}. Retrying every two seconds.`, true);
  }, 1000);
}

function timeOf(at) {
  return `${new Date(at).toISOString().slice(11, 19)} UTC`;
}

async function keepRenewing(region) {
  if (region.querySelector("[data-live-end]")) return;
  const usual = document.querySelector("[data-live-state]")?.textContent ?? "";
  const age = { at: Date.now() };
  watchAge(region, age);
  for (;;) {
    await new Promise((done) => { setTimeout(done, Number(region.dataset.every) || EVERY_MS); });
    if (document.hidden) continue;
    try {
      const answer = await fetch(region.dataset.live, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (answer.status === 401) { location.assign(`/log-in?to=${encodeURIComponent(location.pathname + location.search)}`); return; }
      // What was shown has ended or is unknown now: the page itself says so, or redirects.
      if (answer.redirected || answer.status === 404) { location.reload(); return; }
      if (answer.ok) {
        renew(region, await answer.text());
        age.at = Date.now();
        region.classList.remove("outdated");
      }
      say(answer.ok ? `${usual} Last update ${timeOf(age.at)}.` : `The console answered ${answer.status}; this page is not up to date since ${timeOf(age.at)}.`, !answer.ok);
      if (answer.ok && region.querySelector("[data-live-end]")) return;
    } catch {
      say(`Not up to date: the console does not answer. Last update ${timeOf(age.at)}. Retrying every two seconds.`, true);
    }
  }
}

// A page that could not be shown is loaded once what it needs is available again.
async function keepAsking() {
  for (;;) {
    await new Promise((done) => { setTimeout(done, EVERY_MS); });
    try {
      const answer = await fetch(location.href, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (answer.ok) { location.reload(); return; }
    } catch {
      // The console itself is unavailable; try again.
    }
  }
}

if (document.querySelector("[data-retry]")) keepAsking();
for (const button of document.querySelectorAll("[data-theme-switch]")) setUpThemeSwitch(button);
for (const region of document.querySelectorAll("[data-live]")) keepRenewing(region);
offerCopies(document);
