// i18n.js - words, numbers and times in the language of the reader. Words are in lang/NAME.json; {x} in
// them is filled in.

const known = ['en', 'zh-TW'];
let words = {},
  lang = 'en';
const formats = new Map();

export const languages = known;
export const language = () => lang;

function choose() {
  let chosen = null;
  try {
    chosen = localStorage.getItem('lang');
  } catch {
    /* as the browser has it */
  }
  if (known.includes(chosen)) return chosen;
  return navigator.languages.some(l => /^zh/i.test(l)) && !/^en/i.test(navigator.language) ? 'zh-TW' : 'en';
}

// load('') for lang/en.json, load('', 'worker-') for lang/worker-en.json as well.
export async function load(...prefixes) {
  lang = choose();
  document.documentElement.lang = lang === 'zh-TW' ? 'zh-Hant-TW' : lang;
  const parts = await Promise.all(prefixes.map(async p => (await fetch(`/lang/${p}${lang}.json`)).json()));
  words = Object.assign({}, ...parts);
  formats.clear();
}

export const choice = name => {
  try {
    return localStorage.getItem(name) ?? '';
  } catch {
    return '';
  }
};
export const chooses = (name, value) => {
  try {
    localStorage.setItem(name, value);
  } catch {
    /* for this view only */
  }
};

export const has = key => key in words;
// Of one of it the language may speak in another way: KEY.one.
const shapeOf = (key, values) => (values?.n == 1 && has(key + '.one') ? key + '.one' : key);
export const t = (key, values) =>
  (words[shapeOf(key, values)] ?? key).replace(/\{(\w+)\}/g, (all, name) => values?.[name] ?? all);

function format(kind, options) {
  const key = kind.name + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new kind(lang, options));
  return formats.get(key);
}
export const number = (n, digits = 2) =>
  format(Intl.NumberFormat, { maximumFractionDigits: digits }).format(n);
export const percent = x =>
  format(Intl.NumberFormat, { style: 'percent', maximumFractionDigits: 0 }).format(x);
export const cpt = text =>
  text === null || text === undefined
    ? '–'
    : format(Intl.NumberFormat, { minimumFractionDigits: 2, maximumFractionDigits: 3 }).format(Number(text)) +
      ' CPT';
// In a column, whose head says what it is an amount of.
export const amount = text =>
  format(Intl.NumberFormat, { minimumFractionDigits: 3, maximumFractionDigits: 3 }).format(Number(text));
export const when = iso =>
  iso
    ? format(Intl.DateTimeFormat, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' }).format(
        new Date(iso)
      )
    : '–';
const CLOCK = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' };
export const clock = ms => format(Intl.DateTimeFormat, CLOCK).format(new Date(ms));
export const moment = iso =>
  format(Intl.DateTimeFormat, { month: 'short', day: 'numeric', ...CLOCK }).format(new Date(iso));
export const day = iso =>
  format(Intl.DateTimeFormat, { month: 'short', day: 'numeric' }).format(new Date(iso));

export function bytes(n) {
  let unit = 0;
  for (; n >= 1024 && unit < 4; unit++) n /= 1024;
  return number(n, n < 10 && unit ? 1 : 0) + ' ' + ['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit];
}

export function seconds(x) {
  if (x === null || x === undefined) return '–';
  const unit = (n, u) => `${n} ${t('unit.' + u)}`;
  if (x > 0 && x < 1) return unit(number(x * 1000, 0), 'ms');
  if (x < 60) return unit(number(x, x < 10 ? 1 : 0), 's');
  const whole = Math.floor(x),
    parts = [
      [86400, 'd'],
      [3600, 'h'],
      [60, 'min'],
      [1, 's']
    ].map(([n, u], i, all) => [Math.floor(i ? (whole % all[i - 1][0]) / n : whole / n), u]);
  const first = parts.findIndex(([n]) => n > 0);
  return parts
    .slice(first, first + 2)
    .filter(([n]) => n)
    .map(p => unit(...p))
    .join(' ');
}

export function ago(iso, now = Date.now()) {
  if (!iso) return '–';
  const past = (new Date(iso) - now) / 1000,
    size = Math.abs(past);
  const [unit, n] =
    size < 90
      ? ['second', 1]
      : size < 5400
        ? ['minute', 60]
        : size < 129600
          ? ['hour', 3600]
          : ['day', 86400];
  return format(Intl.RelativeTimeFormat, { numeric: 'auto', style: 'short' }).format(
    Math.round(past / n),
    unit
  );
}
