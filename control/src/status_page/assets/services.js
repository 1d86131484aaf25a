// Services and their servers.

import { bits, byId, command, count, dress, each, make, page, redraw, say, sign, since } from "./draw.js";

// With more services than these only those with trouble are open at first.
const OPEN = 8;

const cards = new Map();
const SHAPES = { up: "up", suspect: "suspect", down: "down", drain: "drain" };

const isTroubled = (service) => service.alarms.length > 0 || service.servers.some((server) => server.shape === "down" || server.shape === "suspect");

export function drawServices() {
  const list = byId("service-list");
  for (const [name, card] of cards) {
    if (!page.services.has(name)) {
      card.element.remove();
      cards.delete(name);
    }
  }
  let before = null;
  for (const name of page.order) {
    const service = page.services.get(name);
    if (!service) continue;
    let card = cards.get(name);
    if (!card) {
      card = newCard(service);
      cards.set(name, card);
    }
    const place = before ? before.nextSibling : list.firstChild;
    if (place !== card.element) list.insertBefore(card.element, place);
    before = card.element;
    if (card.service !== service) drawService(card, service);
    else drawTimes(card);
  }
  byId("no-services").hidden = page.order.length > 0;
  say(byId("no-services"), page.own.dataplane ? "There are no services in the configuration." : "The dataplane does not answer, so nothing is known of its services.");
  byId("filter-box").hidden = page.order.length <= OPEN;
  const all = [...page.services.values()];
  const servers = all.flatMap((service) => service.servers.filter((server) => !server.sorry));
  const up = all.reduce((sum, service) => sum + service.up, 0);
  say(byId("servers-up"), count(up));
  say(byId("servers-of"), `of ${count(servers.length)} up`);
}

function newCard(service) {
  const cell = (name) => make("span", { class: name });
  const card = { connections: cell("rate connections"), opened: cell("rate opened"), bits: cell("rate bits"), signs: cell("signs"), where: cell("where"), times: [] };
  card.element = make("details", { class: "service", "data-service": service.name });
  card.element.append(make("summary", {}, make("span", { class: "name" }, service.name), card.where, card.signs, card.connections, card.opened, card.bits));
  card.alarms = make("ul", { class: "alarms" });
  card.body = make("div");
  card.element.append(card.alarms, card.body);
  card.element.open = page.order.length <= OPEN || isTroubled(service);
  // What is closed has no rows: thousands of servers would make the page slow.
  card.element.addEventListener("toggle", () => card.service && drawServers(card, card.service));
  return card;
}

function drawService(card, service) {
  card.service = service;
  say(card.where, `${service.listen} ${service.protocol} · ${service.scheduler}`);
  say(card.connections, count(service.connections) + (service.limit ? ` of ${count(service.limit)}` : ""));
  card.connections.append(make("small", {}, "open"));
  say(card.opened, each(service.opened));
  say(card.bits, `${bits(service.bits_in)} in · ${bits(service.bits_out)} out`);
  const real = service.servers.filter((server) => !server.sorry);
  redraw(card.signs, real.map((server) => server.shape), () => {
    const shown = [make("span", { class: "count" }, `${service.up} of ${real.length} up`)];
    for (const server of real.slice(0, 12)) {
      shown.push(make("span", { class: "is-" + server.shape }, sign(SHAPES[server.shape])));
    }
    return shown;
  });
  redraw(card.alarms, service.alarms, () => service.alarms.map((alarm) => make("li", {}, alarm)));
  card.alarms.hidden = service.alarms.length === 0;
  if (isTroubled(service) && !card.wasTroubled) card.element.open = true;
  card.wasTroubled = isTroubled(service);
  drawServers(card, service);
  filterCard(card);
}

function drawServers(card, service) {
  if (!card.element.open) {
    card.body.replaceChildren();
    card.rows = null;
    return;
  }
  if (!card.rows || card.rows.length !== service.servers.length) newRows(card, service);
  service.servers.forEach((server, place) => drawServer(card.rows[place], server));
}

const COLUMNS = [["state", "State"], ["address", "Server"], ["why", "Why"], ["count", "Connections", true], ["rate", "Opened", true], ["bits", "Traffic", true], ["weight", "Weight", true]];

function newRows(card, service) {
  const head = make("tr", {}, ...COLUMNS.map(([name, title, isNumber]) => make("th", { scope: "col", class: `c-${name}${isNumber ? " number" : ""}` }, title)));
  const body = make("tbody");
  card.rows = service.servers.map(() => {
    const cells = Object.fromEntries(COLUMNS.map(([name, , isNumber]) => [name, make("td", { class: `c-${name}${isNumber ? " number" : ""}` })]));
    const row = make("tr", {}, ...Object.values(cells));
    body.append(row);
    return { row, cells };
  });
  card.body.replaceChildren(make("table", { class: "servers", "aria-label": "Servers of " + service.name }, make("thead", {}, head), body));
}

function drawServer(shown, server) {
  const { row, cells } = shown;
  shown.server = server;
  row.dataset.server = server.address;
  row.dataset.shape = server.shape;
  dress(row, "row-" + server.shape);
  redraw(cells.state, [server.shape, server.word], () => [make("span", { class: "state is-" + server.shape }, sign(SHAPES[server.shape]), server.word)]);
  say(cells.address, server.address + (server.sorry ? " (sorry)" : ""));
  drawWhy(shown);
  drawCount(cells.count, server);
  say(cells.rate, each(server.opened));
  say(cells.bits, bits(server.bits));
  const isWhole = Number(server.effective) === server.weight;
  say(cells.weight, isWhole ? String(server.weight) : `${server.effective} of ${server.weight}`);
}

function drawWhy({ cells, server }) {
  const lasts = server.since > 0 ? since(server.since) : "";
  const isWell = server.shape === "up";
  const past = server.failure ? `last failure ${since(server.failure.at)} ago: ${server.failure.reason}` : "";
  redraw(cells.why, [server.why, lasts, isWell, past, server.command], () => {
    const parts = [];
    if (lasts && !isWell) parts.push(make("span", { class: "since" }, `for ${lasts}${server.why ? ": " : ""}`));
    if (server.why) parts.push(server.why);
    if (past) parts.push(make("span", { class: "past" }, (server.why ? "; " : "") + past));
    if (server.command) parts.push(" ", command(server.command));
    return parts;
  });
}

function drawCount(cell, server) {
  const total = count(server.active) + (server.limit ? ` of ${count(server.limit)}` : "");
  if (server.drained_from === null) return redraw(cell, total, () => [total]);
  const share = server.drained_from > 0 ? Math.round((100 * server.active) / server.drained_from) : 0;
  redraw(cell, [total, share, "drain"], () => {
    const bar = make("span");
    bar.style.width = share + "%";
    const left = server.active === 0 ? "none left" : "left of " + count(server.drained_from);
    return [total, make("span", { class: "left" }, left), make("span", { class: "meter", "aria-hidden": "true" }, bar)];
  });
}

// What lasts, lasts longer each second though nothing was sent.
function drawTimes(card) {
  if (card.element.open && card.rows) card.rows.forEach((shown) => shown.server && drawWhy(shown));
}

function filterCard(card) {
  const wanted = byId("filter").value.trim().toLowerCase();
  const service = card.service;
  const text = [service.name, service.listen, ...service.servers.map((server) => server.address)].join(" ").toLowerCase();
  const isHidden = (wanted !== "" && !text.includes(wanted)) || (byId("only-trouble").checked && !isTroubled(service));
  if (card.element.hidden !== isHidden) card.element.hidden = isHidden;
}

export function filter() {
  for (const card of cards.values()) filterCard(card);
  const wanted = byId("filter").value.trim();
  history.replaceState(null, "", wanted === "" ? "#" : "#service=" + encodeURIComponent(wanted));
}
