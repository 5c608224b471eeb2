// live.js - what changes, as it does: from one stream per browser (live-hub.js).
//   live.on('task', data => ...)    live.onState = (up, closed) => ...    live.start()
// 'reset' comes first and whenever something may have been missed: look at everything anew.

const listeners = new Map();
let port = null;

export const live = {
  onState: () => {},
  on(name, f) {
    if (!listeners.has(name)) listeners.set(name, new Set());
    listeners.get(name).add(f);
    return () => listeners.get(name).delete(f);
  },
  // Again after signing in.
  start() {
    if (port) return port.postMessage('again');
    port =
      typeof SharedWorker === 'function' ? new SharedWorker('/live-hub.js').port : new Worker('/live-hub.js');
    port.onmessage = ({ data: { up, closed, name, data } }) => {
      if (name) listeners.get(name)?.forEach(f => f(data ?? {}));
      else live.onState(up, closed);
    };
    addEventListener('pagehide', e => {
      port.postMessage('bye');
      if (e.persisted) addEventListener('pageshow', () => location.reload(), { once: true });
    });
  }
};
