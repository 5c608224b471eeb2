// worker-model.js - what is known of this worker, kept by its events.
import { t, has } from './i18n.js';
import { lazily } from './shell.js';

export const HOUR = 3600;
export const DAY = 86400;
export const model = { status: null };
const draws = new Set();
const drawAll = lazily(() => draws.forEach(f => f()));

// Called now and whenever the state is another; returns what ends it.
export function watch(draw) {
  draws.add(draw);
  if (model.status) draw(model.status);
  return () => draws.delete(draw);
}

export function take(status) {
  model.status = status;
  drawAll();
}

export const words = (group, word) => (has(`${group}.${word}`) ? t(`${group}.${word}`) : word);
