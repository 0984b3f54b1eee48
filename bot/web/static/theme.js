// Loaded before anything is drawn, and not as a module, so that the other theme does not flash.
try {
  const chosen = localStorage.getItem("dann.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Without storage the page has the system's colours.
}
