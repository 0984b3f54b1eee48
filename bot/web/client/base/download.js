// Saves a file to this computer.

const FREED_AFTER = 10_000; // milliseconds

/** Offers a blob as a download of a name. */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), FREED_AFTER);
}
