// theme.js - before anything is drawn: light, dark or high contrast. First of the modules, in a script that
// is not deferred.
(() => {
  const dark = matchMedia('(prefers-color-scheme: dark)'),
    more = matchMedia('(prefers-contrast: more)');
  const apply = () => {
    let chosen = null;
    try {
      chosen = localStorage.getItem('theme');
    } catch {
      /* not allowed: as the system has it */
    }
    document.documentElement.dataset.theme = ['light', 'dark', 'contrast'].includes(chosen)
      ? chosen
      : more.matches
        ? 'contrast'
        : dark.matches
          ? 'dark'
          : 'light';
  };
  apply();
  dark.addEventListener('change', apply);
  more.addEventListener('change', apply);
  addEventListener('themechange', apply);
})();
