// How a machine starts again as a part of the change of its node: a part of scripts.
// V1. Once a change, whoever asks again: that it is owed is noted before anything is changed, and
//     the boot that is to end before it is left. Both are notes on the disk, not of an operation.
// V2. The new kubelet first runs in the new boot, so that a node that reports the new version has
//     started again.
// V3. Nothing is changed on a machine that cannot tell what it is to tell.

import type { RebootPolicy } from '../../domain/spec';
import { restartCode } from './machine-script';

const asking = `
# Debian and Ubuntu by a file that hooks of packages write, Red Hat and SUSE by a program.
tells_of_reboots() {
  if [ -e /run/reboot-required ] || [ -e /var/run/reboot-required ]; then return 0; fi
  for hook in update-notifier unattended-upgrades reboot-notifier; do
    if [ -e "/etc/kernel/postinst.d/$hook" ]; then return 0; fi
  done
  command -v needs-restarting > /dev/null || has_dnf_plugin || command -v zypper > /dev/null
}

has_dnf_plugin() {
  command -v dnf > /dev/null && dnf -q needs-restarting --help > /dev/null 2>&1
}

# Codes: needs-restarting(1) has 1, zypper(8) has 102.
wants_reboot() {
  if [ -e /run/reboot-required ] || [ -e /var/run/reboot-required ]; then return 0; fi
  if command -v needs-restarting > /dev/null; then is_code 1 needs-restarting -r
  elif has_dnf_plugin; then is_code 1 dnf -q needs-restarting -r
  elif command -v zypper > /dev/null; then is_code 102 zypper -q needs-rebooting
  else return 1; fi
}

is_code() {
  wanted_code=$1
  shift
  code=0
  said=$("$@" 2>&1 < /dev/null) || code=$?
  case $code in
    0) return 1 ;;
    "$wanted_code") return 0 ;;
    *) echo "reason: $* ended with $code: $(echo "$said" | tail -n 1)"; exit 1 ;;
  esac
}

check_reboot() {
  if [ "$reboot" = never ] || was_rebooted; then return; fi
  if [ "$reboot" = when-required ] && ! tells_of_reboots; then
    refuse 'this machine does not tell whether it should start again: let reboot be always or never'
  fi
  if ! systemctl is-enabled kubelet > /dev/null; then
    refuse 'its kubelet would not start with the machine: systemctl enable kubelet'
  fi
}
`;

const rebooting = `
note_of_reboot=$(dirname "$kept")/reboot

note_reboot() {
  mkdir -p "$(dirname "$note_of_reboot")"
  echo "$to $1" > "$note_of_reboot.new"
  sync "$note_of_reboot.new"
  mv "$note_of_reboot.new" "$note_of_reboot"
  sync "$(dirname "$note_of_reboot")"
}

# What it says of another release is of a change that nobody has ended.
noted_reboot() { sed -n "s/^$to //p" "$note_of_reboot" 2> /dev/null || true; }

# (V1)
owe_reboot() {
  if [ "$reboot" = never ]; then rm -f "$note_of_reboot"
  elif [ "$(version_of "$(place_of kubelet)")" != "$to" ]; then note_reboot owed
  # Its program came into place by somebody else, and does not run yet.
  elif [ -z "$(noted_reboot)" ] && ! kubelet_runs; then note_reboot owed; fi
}

was_rebooted() {
  case $(noted_reboot) in
    '' | owed | "$(cat /proc/sys/kernel/random/boot_id)") return 1 ;;
  esac
}

reboot_once() {
  if [ -z "$(noted_reboot)" ]; then return; fi
  if [ "$reboot" = when-required ] && [ "$(noted_reboot)" = owed ] && ! wants_reboot; then
    echo 'the machine need not start again'
    return
  fi
  phase 'restarting the machine'
  note_reboot "$(cat /proc/sys/kernel/random/boot_id)"
  exit ${restartCode}
}
`;

/**
 * After programsScript, keepScript and `kubelet_runs`. `check_reboot` refuses what could not be
 * done; `owe_reboot` comes before anything is changed, `reboot_once` when all is in place: it ends
 * the script where the machine is to start again. `was_rebooted`: for this change it has, and all
 * is in place.
 */
export function rebootScript(when: RebootPolicy['when'] | undefined): string {
  return `
reboot=${when ?? 'never'}
${asking}${rebooting}`;
}
