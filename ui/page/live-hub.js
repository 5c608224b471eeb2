// live-hub.js - a SharedWorker: the one stream of events that all tabs of this browser share. Where there
// are none of those,
// each tab starts it as a worker of its own.
// To each tab: {up: true|false, closed}, {name, data}. From a tab: 'bye', 'again' (it has just signed in).
const ports = new Set();
let stream = null,
  up = false,
  timer = 0;

const tell = message => ports.forEach(port => port.postMessage(message));

function open() {
  clearTimeout(timer);
  stream?.close();
  stream = new EventSource('/api/v1/events');
  let missed = true;
  stream.onopen = () => {
    up = true;
    tell({ up });
    if (missed) tell({ name: 'reset' });
    missed = false;
  };
  for (const name of ['reset', 'pool', 'task', 'removed', 'balance', 'worker', 'left', 'status', 'tick'])
    stream.addEventListener(name, e => tell({ name, data: JSON.parse(e.data) }));
  stream.onerror = () => {
    up = false;
    tell({ up, closed: stream.readyState === 2 });
    // Refused: begin anew, and look at everything.
    if (stream.readyState === 2) timer = setTimeout(() => ports.size && open(), 2000);
  };
}

function join(port) {
  ports.add(port);
  port.onmessage = m => {
    if (m.data === 'bye') ports.delete(port);
    else open();
    if (ports.size) return;
    stream?.close();
    stream = null;
    up = false;
  };
  if (!stream) open();
  else if (up) {
    port.postMessage({ up });
    port.postMessage({ name: 'reset' });
  }
}

if ('onconnect' in self) onconnect = e => join(e.ports[0]);
else join(self);
