# Arguments: account names.
for u do
  echo =
  if id -u "$u" >/dev/null 2>&1; then echo exists=true; else echo absent=; fi
done
