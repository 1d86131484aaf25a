// Draws what the stream /changes tells. The first message is the whole, those that follow are the
// parts that have changed.

import { choose, drawCharts, remember } from "./charts.js";
import { byId, dress, lasting, page, say } from "./draw.js";
import { drawAbout, drawDrops, drawEvents, drawVerdict, drawWorkers } from "./lists.js";
import { drawServices, filter } from "./services.js";
import { drawLines, drawWay } from "./way.js";

// How long without a message until the numbers are old, and between attempts, in milliseconds.
const OLD = 6000;
const RETRY = 4000;

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
