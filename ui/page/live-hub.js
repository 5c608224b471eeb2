// live-hub.js - a SharedWorker: the one stream of events that all tabs of this browser share.
// To each tab: {up: true|false}, {name, data}. From a tab: 'bye', 'again' (it has just signed in).
const ports = new Set();
let stream = null, up = false, timer = 0;
const NAMES = ['reset', 'pool', 'task', 'removed', 'balance', 'worker', 'left', 'status', 'tick'];

const tell = message => ports.forEach(port => port.postMessage(message));

function open() {
  clearTimeout(timer);
  stream?.close();
  stream = new EventSource('/api/v1/events');
  let missed = !up;
  stream.onopen = () => {
    up = true;
    tell({ up });
    if (missed) tell({ name: 'reset', data: {} });
    missed = false;
  };
  for (const name of NAMES) stream.addEventListener(name, e => tell({ name, data: JSON.parse(e.data) }));
  stream.onerror = () => {
    up = false;
    tell({ up, closed: stream.readyState === 2 });
    if (stream.readyState === 2) timer = setTimeout(() => ports.size && open(), 2000); // refused: begin anew, and look at everything
  };
}

onconnect = e => {
  const port = e.ports[0];
  ports.add(port);
  port.onmessage = m => {
    if (m.data === 'bye') ports.delete(port);
    else open();
    if (!ports.size) {
      stream?.close();
      stream = null;
      up = false;
    }
  };
  if (!stream) open();
  else if (up) {
    port.postMessage({ up });
    port.postMessage({ name: 'reset', data: {} });
  }
};
