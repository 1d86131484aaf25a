// Draws what the stream /changes tells. The first message is the whole, those that follow are the
// parts that have changed. All text is set as text, whatever servers and files call themselves.
"use strict";

const page = { services: new Map(), order: [], history: null };
const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

// How long without a message until the numbers are old, and between attempts, in milliseconds.
const OLD = 6000;
const RETRY = 4000;
// With more services than these only those with trouble are open at first.
const OPEN = 8;

/* Elements */

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function draw(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function sign(name, title) {
  const svg = draw("svg", title ? { class: "sign", role: "img", "aria-label": title } : { class: "sign", "aria-hidden": "true" });
  svg.append(draw("use", { href: "#" + name }));
  return svg;
}

// Nothing is written that is there already: a page that stands still costs nothing.
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function dress(element, name) {
  if (element.className !== name) element.className = name;
}

// Draws again only what has another text than before.
function redraw(element, key, content) {
  const text = JSON.stringify(key);
  if (element.drawnFrom === text) return;
  element.drawnFrom = text;
  element.replaceChildren(...content());
}

function command(text) {
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

/* Numbers and times */

const grouped = new Intl.NumberFormat("en-US");

function count(number) {
  return grouped.format(Math.round(number));
}

// Three digits with a unit: 1.24 M.
function short(number, unit) {
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

const bits = (rate) => short(rate, "b/s");
const each = (rate) => (rate === null || rate === undefined ? "–" : short(rate, "") + "/s");

function lasting(seconds) {
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
const since = (at) => lasting(page.now.at - at);

const plural = (number, noun) => count(number) + " " + noun + (number === 1 ? "" : "s");

/* The verdict */

function drawVerdict() {
  const { state, troubles, summary, more } = page.verdict;
  const found = troubles.length + more;
  const titles = {
    well: "All is well.",
    degraded: found === 1 ? "One thing to look at." : count(found) + " things to look at.",
    broken: page.own.node + " cannot serve.",
  };
  say(byId("verdict"), titles[state]);
  dress(byId("verdict"), "is-" + state);
  say(byId("summary"), summary + (page.pair.last_change ? " since " + since(page.pair.last_change[0]) : "") + ".");
  document.title = { well: "", degraded: "▲ ", broken: "✕ " }[state] + page.own.node + " · Tandem";
  const list = byId("troubles");
  redraw(list, [troubles, more, state], () => {
    const lines = troubles.map((trouble) => make(
      "li", {},
      make("span", { class: state === "broken" ? "is-down" : "is-suspect" }, sign(state === "broken" ? "down" : "suspect")),
      make("span", {}, trouble.what), command(trouble.command)));
    if (more > 0) lines.push(make("li", {}, make("span", {}), make("span", {}, `and ${count(more)} more`)));
    return lines;
  });
  list.hidden = found === 0;
}

/* The way */

const STATES = {
  active: ["up", "is-ready", "active"],
  ready: ["ready", "is-ready", "standby, ready"],
  not_ready: ["suspect", "is-suspect", "standby, not ready"],
  silent: ["silent", "is-silent", "silent"],
};

function machine(one) {
  const [shape, dressed, word] = STATES[one.state];
  const box = make("article", { class: "machine " + one.state, "data-machine": one.name, "data-state": one.state });
  const head = make("header", {}, make("h3", {}, one.name));
  if (one.own) head.append(make("span", { class: "here" }, "this machine"));
  head.append(make("span", { class: "state " + dressed }, sign(shape), word));
  const facts = make("dl");
  const fact = (name, value) => facts.append(make("dt", {}, name), make("dd", {}, value));
  if (one.addresses.length > 0) fact("addresses", one.addresses.join(" · "));
  const asked = one.reach.filter(([, all]) => all > 0);
  if (asked.length > 0) fact("next hops", one.reach.map(([answer, all]) => `${answer} of ${all}`).join(" · "));
  if (one.term > 0) fact("term", String(one.term));
  box.append(head, facts);
  if (one.notes.length > 0) box.append(make("ul", { class: "notes" }, ...one.notes.map((note) => make("li", {}, note))));
  return box;
}

function between() {
  const { paths, sync } = page.pair;
  const down = paths.filter((path) => !path.up);
  const box = make("div", { class: down.length === paths.length ? "between broken" : "between" });
  const paired = make("p", { class: down.length === 0 ? "is-ready" : "is-down" }, sign(down.length === 0 ? "up" : "down"),
    `${paths.length - down.length} of ${plural(paths.length, "path")}`);
  const well = sync.direction !== "down" && sync.words === "in sync";
  const way = { sending: "sending, ", receiving: "receiving, ", down: "sync: " }[sync.direction];
  const synced = make("p", { class: well ? "is-ready" : "is-suspect" }, sign(well ? "up" : "suspect"), way + sync.words);
  box.append(paired, synced);
  if (down.length > 0) {
    const told = (path) => `${path.remote} to ${path.local}: ${path.trouble || "no heartbeat"}`;
    box.append(make("ul", {}, ...down.map((path) => make("li", {}, told(path)))));
  }
  return box;
}

function stops(id, side) {
  const addresses = side ? side.floating : [];
  redraw(byId(id), addresses, () => {
    const shown = addresses.slice(0, 4).map((address) => make("li", {}, address.replace(/\/\d+$/, "")));
    if (addresses.length > 4) shown.push(make("li", { class: "more" }, `${count(addresses.length - 4)} more`));
    return shown;
  });
}

function drawWay() {
  const [publicSide, privateSide] = page.sides;
  for (const [name, side] of [["public", publicSide], ["private", privateSide]]) {
    say(byId(name + "-in"), side ? bits(side.bits_in) : "–");
    say(byId(name + "-out"), side ? bits(side.bits_out) : "–");
    const element = byId(name + "-link");
    dress(element, side && !side.up ? "link-state is-down" : "link-state");
    const lost = side && side.lost > 0 ? `, ${each(side.lost)} lost` : "";
    redraw(element, [side && side.link, side && side.up, lost], () => {
      if (!side) return ["nothing is known of the NIC"];
      return side.up ? [side.link + lost] : [sign("down"), side.link];
    });
  }
  stops("vips", publicSide);
  stops("gateways", privateSide);
  say(byId("client-connections"), count(page.now.connections));
  drawMachines();
}

function drawMachines() {
  redraw(byId("machines"), page.pair, () => {
    const { machines, sync } = page.pair;
    const boxes = machines.map(machine);
    if (sync) boxes.splice(1, 0, between());
    return boxes;
  });
  drawLines();
}

// The lines run from the stops of one side to each machine and on to those of the other.
function drawLines() {
  const svg = byId("lines");
  const frame = svg.getBoundingClientRect();
  const boxes = [...document.querySelectorAll(".machine")];
  const ends = [byId("vips"), byId("gateways")];
  const upright = matchMedia("(max-width: 44rem)").matches;
  const places = [...ends, ...boxes].map((element) => {
    const box = element.getBoundingClientRect();
    return [box.left - frame.left, box.top - frame.top, box.width, box.height].map(Math.round);
  });
  redraw(svg, [places, upright, boxes.map((box) => box.dataset.state), page.sides.map((side) => side.up)], () => {
    const paths = [];
    boxes.forEach((box, index) => {
      const [x, y, width, height] = places[index + 2];
      const isActive = box.dataset.state === "active";
      ends.forEach((_, side) => {
        const [ex, ey, ewidth, eheight] = places[side];
        const from = upright
          ? [ex + ewidth / 2, side === 0 ? ey + eheight : ey]
          : [side === 0 ? ex + ewidth : ex, ey + eheight / 2];
        const to = upright
          ? [x + width / 2, side === 0 ? y : y + height]
          : [side === 0 ? x : x + width, y + height / 2];
        const middle = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
        const curve = upright
          ? `M${from} C${from[0]},${middle[1]} ${to[0]},${middle[1]} ${to}`
          : `M${from} C${middle[0]},${from[1]} ${middle[0]},${to[1]} ${to}`;
        const isUp = !box.querySelector(".here") || !page.sides[side] || page.sides[side].up;
        const dressed = isActive ? (isUp ? "line active" : "line broken") : "line";
        paths.push([isActive, draw("path", { d: curve, class: dressed })]);
        if (isActive && isUp) {
          const back = upright
            ? `M${to} C${to[0]},${middle[1]} ${from[0]},${middle[1]} ${from}`
            : `M${to} C${middle[0]},${to[1]} ${middle[0]},${from[1]} ${from}`;
          paths.push([true, draw("path", { d: side === 0 ? curve : back, class: "pulse" })]);
        }
      });
    });
    // The active way lies on top.
    return paths.sort(([one], [other]) => one - other).map(([, path]) => path);
  });
}

/* Over time */

const CHARTS = [
  { title: "Connections", traces: ["connections"], show: ([now]) => [short(now, "")] },
  { title: "Opened", traces: ["opened"], show: ([now]) => [each(now)] },
  { title: "From and to clients", traces: ["bits_in", "bits_out"], show: ([one, other]) => [bits(one) + " in", bits(other) + " out"] },
  { title: "Dropped", traces: ["dropped"], show: ([now]) => [each(now)], extra: "drops" },
];
let range = "seconds";

function drawCharts() {
  if (!page.history) return;
  const holder = byId("charts");
  if (holder.children.length === 0) {
    for (const chart of CHARTS) {
      chart.values = make("p", { class: "value" });
      chart.svg = draw("svg", { viewBox: "0 0 600 100", preserveAspectRatio: "none", role: "img" });
      chart.from = make("span");
      chart.top = make("span");
      chart.element = make("div", { class: "chart " + (chart.extra || "") }, make("h3", {}, chart.title), chart.values, chart.svg,
        make("p", { class: "axis" }, chart.from, chart.top, make("span", {}, "now")));
      holder.append(chart.element);
    }
  }
  const data = page.history[range];
  const [span, length, back] = range === "seconds" ? [600, 1, "10 min"] : [86400, 60, "24 h"];
  const end = page.now.at;
  for (const chart of CHARTS) {
    const values = chart.show(chart.traces.map((trace) => page.now[trace]));
    redraw(chart.values, values, () => values.map((value) => make("span", {}, value)));
    const most = Math.max(0, ...chart.traces.flatMap((trace) => data[trace]));
    const top = most > 0 ? most * 1.12 : 1;
    const shapes = [draw("path", { class: "base", d: "M0 100H600" })];
    chart.traces.forEach((trace, index) => {
      const lines = [];
      let before = null;
      data.at.forEach((at, place) => {
        const x = 600 * (1 - (end - at) / span);
        if (x < 0) return;
        const point = [x.toFixed(1), (100 - (100 * data[trace][place]) / top).toFixed(1)];
        // Where nothing was measured nothing is drawn.
        if (before === null || at - before > 3 * length) lines.push([]);
        lines[lines.length - 1].push(point);
        before = at;
      });
      const trail = lines.map((line) => "M" + line.map((point) => point.join(" ")).join("L")).join("");
      if (index === 0) {
        const areas = lines.map((line) => `M${line[0][0]} 100L${line.map((point) => point.join(" ")).join("L")}L${line[line.length - 1][0]} 100Z`);
        shapes.push(draw("path", { class: "area", d: areas.join("") }));
      }
      shapes.push(draw("path", { class: index === 0 ? "trace" : "trace second", d: trail }));
    });
    chart.svg.replaceChildren(...shapes);
    const unit = chart.traces[0].startsWith("bits") ? bits(most) : short(most, "");
    say(chart.from, "−" + back);
    say(chart.top, most > 0 ? "max " + unit : "");
    chart.svg.setAttribute("aria-label", `${chart.title} in the last ${back}: now ${values.join(", ")}, most ${unit}`);
  }
}

function remember(sample) {
  if (!page.history) return;
  const keep = (data, most) => {
    for (const key of Object.keys(data)) {
      data[key].push(sample[key]);
      if (data[key].length > most) data[key].shift();
    }
  };
  const { seconds, minutes } = page.history;
  const last = (data) => data.at[data.at.length - 1] || 0;
  if (sample.at > last(seconds)) keep(seconds, 600);
  if (sample.at >= last(minutes) + 120) keep(minutes, 1440);
}

function choose(chosen) {
  range = chosen;
  for (const name of ["seconds", "minutes"]) byId("range-" + name).setAttribute("aria-pressed", String(name === chosen));
  drawCharts();
}

/* Services */

const cards = new Map();
const SHAPES = { up: "up", suspect: "suspect", down: "down", drain: "drain" };

const isTroubled = (service) => service.alarms.length > 0 || service.servers.some((server) => server.shape === "down" || server.shape === "suspect");

function drawServices() {
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
    if (server.why) parts.push(server.why);
    if (lasts && !isWell) parts.push(make("span", { class: "since" }, `${server.why ? ", " : ""}for ${lasts}`));
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

function filter() {
  for (const card of cards.values()) filterCard(card);
  const wanted = byId("filter").value.trim();
  history.replaceState(null, "", wanted === "" ? "#" : "#service=" + encodeURIComponent(wanted));
}

/* Drops, workers, events */

function drawDrops() {
  const { drops } = page;
  byId("no-drops").hidden = drops.length > 0;
  byId("drops").hidden = drops.length === 0;
  redraw(byId("drops").tBodies[0], drops, () => drops.map((drop) => make(
    "tr", { class: drop.rate > 0 ? "now" : "" },
    make("td", { class: "reason" }, drop.reason),
    make("td", { class: "number", "data-unit": "" }, each(drop.rate)),
    make("td", { class: "number", "data-unit": " in all" }, count(drop.packets)),
    make("td", {}, drop.meaning, make("span", { class: "remedy" }, drop.remedy)))));
}

function drawWorkers() {
  const { workers, buffers } = page;
  byId("no-workers").hidden = workers.length > 0;
  byId("workers").hidden = workers.length === 0;
  redraw(byId("workers").tBodies[0], workers, () => workers.map((worker) => {
    const bar = make("span");
    bar.style.width = worker.busy / 10 + "%";
    return make("tr", {}, make("td", {}, String(worker.core)),
      make("td", {}, make("span", { class: "meter busy", "aria-hidden": "true" }, bar), (worker.busy / 10).toFixed(0) + " %"),
      make("td", { class: "number" }, `${count(worker.connections)} of ${short(worker.capacity, "")}`),
      make("td", { class: "number" }, short(worker.packets, "")), make("td", { class: "number" }, short(worker.dropped, "")));
  }));
  say(byId("buffers"), buffers.map((pool) => `${count(pool.in_use)} of ${count(pool.size)} packet buffers of ${pool.name === "main" ? "the main core" : "the workers"} in use`).join("; "));
}

const SEVERITIES = { info: ["ready", "is-ready", "information"], warning: ["suspect", "is-suspect", "warning"], alarm: ["down", "is-down", "alarm"] };

function drawEvents() {
  const events = page.events || [];
  byId("events-section").hidden = events.length === 0;
  redraw(byId("events"), events, () => events.map((event) => {
    const at = new Date(event.at_millis);
    const [shape, dressed, word] = SEVERITIES[event.severity] || SEVERITIES.info;
    const isToday = at.toDateString() === new Date().toDateString();
    const time = isToday ? at.toLocaleTimeString([], { hour12: false }) : at.toLocaleDateString([], { month: "short", day: "numeric" }) + " " + at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
    const what = make("span", { class: "what" }, make("span", { class: dressed }, sign(shape, word)), make("span", {}, event.what));
    const told = make("div", {}, what);
    const by = [event.why, event.actor ? "by " + event.actor : null].filter(Boolean).join("; ");
    if (by) told.append(make("p", { class: "why" }, by));
    return make("li", {}, make("time", { datetime: at.toISOString(), title: at.toISOString() }, time), told);
  }));
}

function drawAbout() {
  const { own } = page;
  say(byId("node"), own.node);
  const parts = [`Tandem ${own.version}`];
  if (own.dataplane) parts.push(`dataplane ${own.dataplane}, up ${since(own.started_at)}`);
  if (own.configuration) parts.push(`${own.configuration}, generation ${own.generation}, taken ${since(own.loaded_at)} ago`);
  say(byId("about"), parts.join(" · "));
}

/* The stream */

let lastMessage = Date.now();
let source = null;

function take(message, isWhole) {
  lastMessage = Date.now();
  const { services, order, changed, ...parts } = message;
  Object.assign(page, parts);
  if (isWhole) {
    page.services = new Map(services.map((service) => [service.name, service]));
    page.order = services.map((service) => service.name);
  } else {
    if (order) {
      page.order = order;
      for (const name of [...page.services.keys()]) if (!order.includes(name)) page.services.delete(name);
    }
    for (const service of changed || []) page.services.set(service.name, service);
    if (parts.now) remember(parts.now);
  }
  drawVerdict();
  drawServices();
  drawWay();
  drawCharts();
  drawDrops();
  drawWorkers();
  drawEvents();
  drawAbout();
  freshen();
}

// Says so when the numbers are old: a page that stands still must not look like a quiet machine.
function freshen() {
  const age = Date.now() - lastMessage;
  const isOld = age > OLD;
  document.body.classList.toggle("is-old", isOld);
  const name = page.own ? page.own.node : "this machine";
  say(byId("live"), isOld ? "no answer" : page.own ? "live" : "connecting");
  dress(byId("live"), isOld ? "live old is-down" : "live");
  byId("stale").hidden = !isOld;
  if (isOld) say(byId("stale"), `No answer from ${name} for more than ${lasting(Math.floor(age / 5000) * 5)}: tandem-control has stopped, or the network between is broken. What is below is old.`);
  say(byId("time"), page.now ? new Date(page.now.at * 1000).toLocaleTimeString([], { hour12: false }) : "");
}

function connect() {
  if (source) source.close();
  source = new EventSource("changes");
  source.addEventListener("whole", (event) => take(JSON.parse(event.data), true));
  source.addEventListener("change", (event) => page.own && take(JSON.parse(event.data), false));
  source.addEventListener("error", () => {
    // After an answer that is none the browser does not try again by itself.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY);
  });
}

byId("range-seconds").addEventListener("click", () => choose("seconds"));
byId("range-minutes").addEventListener("click", () => choose("minutes"));
byId("filter").addEventListener("input", filter);
byId("only-trouble").addEventListener("change", filter);
byId("filter").value = decodeURIComponent((location.hash.match(/^#service=([^&]*)/) || ["", ""])[1]);
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, textarea, select");
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    const box = byId("filter-box");
    (box.hidden ? byId("services") : byId("filter")).focus();
  }
});
addEventListener("resize", () => page.pair && drawLines());
setInterval(freshen, 1000);
connect();
