// live.js - what changes, as it does. One stream per browser (live-hub.js); where there is no SharedWorker, one per tab.
//   live.on('task', data => ...)    live.onState = (up, closed) => ...    live.start()
// 'reset' comes first and whenever something may have been missed: look at everything anew.

const listeners = new Map();
let port = null, own = null;

export const live = {
  onState: () => {},
  on(name, f) {
    if (!listeners.has(name)) listeners.set(name, new Set());
    listeners.get(name).add(f);
    return () => listeners.get(name).delete(f);
  },
  start() {
    if (port) port.postMessage('again');
    else if (own) own.again();
    else if (typeof SharedWorker === 'function') share();
    else alone();
  },
};

function hear({ up, closed, name, data }) {
  if (name) listeners.get(name)?.forEach(f => f(data));
  else live.onState(up, closed);
}

function share() {
  const worker = new SharedWorker('/live-hub.js');
  worker.onerror = () => { // not allowed here: a stream of our own
    port = null;
    alone();
  };
  port = worker.port;
  port.onmessage = e => hear(e.data);
  addEventListener('pagehide', e => {
    port?.postMessage('bye');
    if (e.persisted) addEventListener('pageshow', () => location.reload(), { once: true });
  });
}

// The same words as the hub's, in this tab.
function alone() {
  let stream, timer;
  const open = () => {
    clearTimeout(timer);
    stream?.close();
    stream = new EventSource('/api/v1/events');
    let first = true;
    stream.onopen = () => {
      hear({ up: true });
      if (first) hear({ name: 'reset', data: {} });
      first = false;
    };
    for (const name of ['reset', 'pool', 'task', 'removed', 'balance', 'worker', 'left', 'status', 'tick'])
      stream.addEventListener(name, e => hear({ name, data: JSON.parse(e.data) }));
    stream.onerror = () => {
      hear({ up: false, closed: stream.readyState === 2 });
      if (stream.readyState === 2) timer = setTimeout(open, 2000);
    };
  };
  own = { again: open };
  open();
}
