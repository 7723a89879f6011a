// What a machine is asked about itself: sh that prints a fact a line, `NAME VALUES`, and `end` when
// it has come to its end. What cannot be found out is left out; nothing is changed.
// Values of flags stay on the machine, except names of gates and of admission plugins.

import { componentWords, scriptHead } from './machine-script';

export const machineFactsScript = `${scriptHead}
set +e
for path in / /var/lib/containerd /var/lib/kubelet /var/lib/etcd; do
  [ -d "$path" ] || continue
  df -Pk "$path" | awk -v path="$path" 'NR == 2 { print "space", path, $6, $4 }'
done
awk '
  $1 == "MemAvailable:" { print "memory", $2 }
  $1 == "SwapTotal:" { print "swap", $2 }
' /proc/meminfo
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then echo 'cgroup 2'
elif [ -d /sys/fs/cgroup/memory ]; then echo 'cgroup 1'
fi

version_in() {
  awk '
    match($0, /(^|[^0-9.])v?[0-9]+[.][0-9]+[.][0-9]+/) {
      text = substr($0, RSTART, RLENGTH)
      sub(/^[^0-9]+/, "", text)
      print text
      exit
    }
  '
}
if command -v containerd > /dev/null; then
  echo "runtime containerd $(containerd --version | version_in)"
  if images=$(ctr -n k8s.io images ls -q 2> /dev/null); then
    echo 'images yes'
    echo "$images" | sed -n 's#^.*/\\(kube-proxy:[^@]*\\)$#image \\1#p' | sort -u
  fi
elif command -v crio > /dev/null; then
  echo "runtime cri-o $(crio --version | version_in)"
fi

config=/var/lib/kubelet/config.yaml
if [ -r "$config" ]; then
  sed -n 's/^\\(failSwapOn\\|failCgroupV1\\): *\\(true\\|false\\) *$/\\1 \\2/p' "$config"
  awk '
    /^[^ #]/ { inside = ($1 == "featureGates:"); next }
    inside { sub(/:.*/, ""); gsub(/[ "]/, ""); if ($0 != "") print "gate kubelet", $0 }
  ' "$config"
  echo 'component kubelet'
fi

list() { echo "$1" | tr , '\\n'; }

# Flags of component $1, a word a line, among other things.
tell_flags() {
  tr -d "\\"'" | sed -n 's/^-*  *//; s/^--\\([a-z0-9-]*\\)\\(=\\(.*\\)\\)\\{0,1\\}$/\\1 \\3/p' |
    while read -r flag value; do
      echo "flag $1 $flag"
      case $flag in
        feature-gates) list "$value" | sed -n "s/^\\([A-Za-z0-9]*\\)=.*/gate $1 \\1/p" ;;
        # What is not known is refused in both.
        enable-admission-plugins | disable-admission-plugins)
          list "$value" | sed "s/^/plugin $1 /"
          ;;
      esac
    done
}
for file in /var/lib/kubelet/kubeadm-flags.env /etc/default/kubelet /etc/sysconfig/kubelet; do
  [ -r "$file" ] || continue
  case $file in */kubeadm-flags.env) whose=kubeadm ;; *) whose=owner ;; esac
  words=$(sed -n 's/^KUBELET_[A-Z_]*=//p' "$file" | tr -d "\\"'" | tr ' ' '\\n')
  echo "$words" | tell_flags kubelet
  echo "$words" | sed -n "s/^--\\([a-z0-9-]*\\).*/told $whose \\1/p"
done
for component in ${componentWords}; do
  manifest=/etc/kubernetes/manifests/$component.yaml
  [ -r "$manifest" ] || continue
  echo "component $component"
  sed -n 's/^ *- \\(--.*\\)$/\\1/p' "$manifest" | tell_flags "$component"
done

certificate=/var/lib/kubelet/pki/kubelet-client-current.pem
if [ -r "$certificate" ] && command -v openssl > /dev/null; then
  openssl x509 -noout -enddate -in "$certificate" | sed -n 's/^notAfter=/certificate /p'
fi

automatic() { if systemctl is-active "$1" > /dev/null 2>&1; then echo "automatic $1"; fi; }
if command -v apt-config > /dev/null; then
  eval "$(apt-config shell often APT::Periodic::Unattended-Upgrade)"
  [ "\${often:-0}" != 0 ] && automatic apt-daily-upgrade.timer
fi
automatic dnf-automatic.timer
automatic dnf-automatic-install.timer
automatic transactional-update.timer
echo "clock $(date +%s%3N)"
echo end
`;
