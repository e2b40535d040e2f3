# The canonical form of what a process is started with; provisioner/kinds/properties.py is its twin.
# Files that end in .properties or .conf are read as Java properties, any other by its lines.
# Keys that begin with "hint." are not part of it, nor are the properties (of the first file) that
# hint.live of the launch file (the second) names: Kafka takes them while it runs.
function emit(line,   n, i, c, d, key, rest) {
  n = length(line)
  for (i = 1; i <= n; i++) {
    c = substr(line, i, 1)
    if (c == "\\") { i++; continue }
    if (c == "=" || c == ":" || c == " " || c == "\t" || c == "\f") break
  }
  key = substr(line, 1, i - 1); rest = substr(line, i)
  sub(/^[ \t\f]+/, "", rest)
  c = substr(rest, 1, 1)
  if (c == "=" || c == ":") { rest = substr(rest, 2); sub(/^[ \t\f]+/, "", rest) }
  key = tidy(key)
  if (key == "hint.live" && section == 2) live = tidy(rest)
  if (substr(key, 1, 5) == "hint.") return
  values[section ":" key "="] = tidy(rest)
}
function tidy(text,   out, i, n, c, d) {
  if (index(text, "\\") == 0) return text
  out = ""; n = length(text)
  for (i = 1; i <= n; i++) {
    c = substr(text, i, 1)
    if (c == "\\" && i < n) {
      i++; d = substr(text, i, 1)
      if (index("\\ntrfu", d) > 0) out = out c d; else out = out d
    } else out = out c
  }
  return out
}
function finish() { if (open) emit(buffer); open = 0; buffer = "" }
FNR == 1 { finish(); for (i = 1; i < ARGC; i++) if (ARGV[i] == FILENAME) section = i; plain = (FILENAME !~ /\.(properties|conf)$/) }
{
  line = $0; sub(/\r$/, "", line); sub(/^[ \t\f]+/, "", line)
  if (plain) { sub(/[ \t]+$/, "", line); if (line != "" && line !~ /^[#;]/) values[section ":" sprintf("%06d", ++lines[section]) "="] = line; next }
  if (open) line = buffer line
  else if (line == "" || line ~ /^[#!]/) next
  n = 0; while (n < length(line) && substr(line, length(line) - n, 1) == "\\") n++
  if (n % 2 == 1) { buffer = substr(line, 1, length(line) - 1); open = 1; next }
  open = 0; emit(line)
}
# In the order of bytes, so that nobody has to be asked to sort.
END {
  finish()
  n = split(live, names, ",")
  for (i = 1; i <= n; i++) if (names[i] != "") left_out["1:" names[i] "="] = 1
  for (k in values) {
    line = k values[k]
    if (substr(line, 1, index(line, "=")) in left_out) continue
    for (i = count++; i > 0 && sorted[i] > line; i--) sorted[i + 1] = sorted[i]
    sorted[i + 1] = line
  }
  for (i = 1; i <= count; i++) print sorted[i]
}
