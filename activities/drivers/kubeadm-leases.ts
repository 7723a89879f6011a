// Leases of a control plane whose holders have ended: a part of scripts, after mirrorPodsScript.
// K1. A kube-controller-manager that ends does not give its lease up, and the one that follows it
//     waits for the whole of it, fifteen seconds from its own first look (client-go,
//     tools/leaderelection). Until then no controller works. The scheduler does the same.
// K2. A lease is freed only where its holder has ended for certain: it was held in the name of this
//     machine while certain processes ran here, none of them runs any more, and it is the very same
//     holder still. Who has it by then keeps it: the patch asks for the holder once more.
// K3. A process is known by its id and the moment of its start, which the kernel gives to no second
//     one; what it is by its first argument, since the kernel keeps fifteen letters of a name.

/** `free_leases_meanwhile`: to be called before anything of a control plane is ended. */
export const leasesScript = `
# PID:START of each process of COMPONENT here, on one line. (K3)
processes_of() {
  echo $(
    for stat in $(grep -ls "^[0-9]* ($(printf %.15s "$1")) " "$disk"/proc/[0-9]*/stat); do
      called=$(tr '\\000' '\\n' < "\${stat%stat}cmdline" | head -n 1)
      [ "\${called##*/}" = "$1" ] || continue
      sed -n 's/^\\([0-9]*\\) (.*) \\([^ ]* \\)\\{19\\}\\([0-9]*\\) .*$/\\1:\\3/p' "$stat"
    done
  )
}

holder_of() {
  kube -n kube-system get lease "$1" --ignore-not-found -o 'jsonpath={.spec.holderIdentity}'
}

# COMPONENT. Leaves in $holder who held its lease while $those ran here.
note_holder() {
  here=$(processes_of "$1")
  if [ -z "$here" ]; then return; fi
  held=$(holder_of "$1") || return
  case $held in "$(hostname)"_*) ;; *) return ;; esac
  if [ "$(processes_of "$1")" = "$here" ]; then holder=$held those=$here; fi
}

# COMPONENT HOLDER. (K2)
free_lease() {
  held=$(holder_of "$1") || return
  if [ "$held" != "$2" ]; then return; fi
  holder_there='"path":"/spec/holderIdentity"'
  asked="{\\"op\\":\\"test\\",$holder_there,\\"value\\":\\"$2\\"}"
  removed="{\\"op\\":\\"remove\\",$holder_there}"
  kube -n kube-system patch lease "$1" --type json --patch "[$asked,$removed]" > /dev/null || return
  echo "the lease of $1 is free: $2 has ended"
}

# COMPONENT, of which $holder and $those were noted, if anything.
heed_lease() {
  if [ -z "$holder" ]; then note_holder "$1"; return; fi
  here=$(processes_of "$1")
  for each in $those; do
    case " $here " in *" $each "*) return ;; esac
  done
  if free_lease "$1" "$holder"; then holder=; fi
}

heed_lease_meanwhile() {
  holder=
  while kill -0 $$; do
    heed_lease "$1" || true
    sleep 1
  done
}

# For as long as the script runs. Nothing of its lock is left to them (machine-journal.ts).
free_leases_meanwhile() {
  for each in kube-controller-manager kube-scheduler; do
    heed_lease_meanwhile "$each" 2> /dev/null 7>&- &
  done
}
`;
