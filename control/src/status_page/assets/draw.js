// Elements of the page, and numbers and times in words. All text is set as text, whatever servers
// and files call themselves.

// What was told last: the parts of the stream's messages, and the services by their names.
export const page = { services: new Map(), order: [], history: null };
export const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

export function draw(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

export function sign(name, title) {
  const svg = draw("svg", title ? { class: "sign", role: "img", "aria-label": title } : { class: "sign", "aria-hidden": "true" });
  svg.append(draw("use", { href: "#" + name }));
  return svg;
}

// Nothing is written that is there already: a page that stands still costs nothing.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function dress(element, name) {
  if (element.className !== name) element.className = name;
}

// Draws again only what has another text than before.
export function redraw(element, key, content) {
  const text = JSON.stringify(key);
  if (element.drawnFrom === text) return;
  element.drawnFrom = text;
  element.replaceChildren(...content());
}

export function command(text) {
  const button = make("button", { type: "button", class: "command", "aria-label": "Copy the command " + text }, text);
  button.addEventListener("click", () => copy(text, button));
  return button;
}

function copy(text, element) {
  const done = () => say(byId("said"), "Copied: " + text);
  const select = () => getSelection().selectAllChildren(element);
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, select);
  else select();
}

const grouped = new Intl.NumberFormat("en-US");

export function count(number) {
  return grouped.format(Math.round(number));
}

// Three digits with a unit: 1.24 M.
export function short(number, unit) {
  if (number === null || number === undefined) return "–";
  const steps = ["", "k", "M", "G", "T", "P"];
  let step = 0;
  while (number >= 999.5 && step < steps.length - 1) {
    number /= 1000;
    step += 1;
  }
  const digits = step === 0 && number >= 10 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.max(number, 1))));
  const text = step === 0 && Number.isInteger(number) ? String(number) : number.toFixed(digits);
  return (text + " " + steps[step] + unit).trim();
}

export const bits = (rate) => short(rate, "b/s");
export const each = (rate) => (rate === null || rate === undefined ? "–" : short(rate, "") + "/s");

export function lasting(seconds) {
  const units = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];
  const parts = [];
  let rest = Math.max(0, Math.floor(seconds));
  for (const [unit, length] of units) {
    const whole = Math.floor(rest / length);
    rest %= length;
    if (whole > 0 || parts.length > 0) parts.push([whole, unit]);
  }
  const shown = parts.slice(0, 2).filter(([whole]) => whole > 0).map(([whole, unit]) => whole + " " + unit);
  return shown.length > 0 ? shown.join(" ") : "0 s";
}

// By the machine's own clock, whatever the browser's says.
export const since = (at) => lasting(page.now.at - at);

export const plural = (number, noun) => count(number) + " " + noun + (number === 1 ? "" : "s");
