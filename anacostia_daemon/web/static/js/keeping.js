// What is kept as a file by the reader: tables as CSV, pictures as they are.
export function kept(name, blob) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name.replace(/[^\w.-]+/g, "-") });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// RFC 4180. What a spreadsheet would take for a formula is kept from being one.
export function csv(rows) {
  const field = (value) => {
    const text = value == null ? "" : typeof value === "number" ? String(value) : String(value).replace(/^[=+\-@\t]/, "'$&");
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
}
