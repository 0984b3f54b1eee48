// Loaded before anything is drawn, and no module, so that a chosen theme does not flash.
try {
  const chosen = localStorage.getItem("dann.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // A browser that keeps nothing for this page has the system's colours.
}
