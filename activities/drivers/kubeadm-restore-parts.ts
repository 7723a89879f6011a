// Static pods of a control plane that kubeadm made, and its etcd, as functions for scripts: they
// are stopped and started by their manifests, and looked at by way of crictl.

/** After scriptHead; `$aside` is a directory on the file system of the manifests. */
export const staticPods = String.raw`
manifests=/etc/kubernetes/manifests

flag_of() { sed -n "s/^ *- [\"']\{0,1\}--$2=\([^\"']*\)[\"']\{0,1\} *$/\1/p" "$1" | head -n 1; }
image_of() {
  sed -n "s/^ *\(- \)\{0,1\}image: *[\"']\{0,1\}\([^\"' ]*\).*/\2/p" "$1" | head -n 1
}
# Of an image: 3.5.15 of registry.k8s.io/etcd:3.5.15-0.
release_of() { echo "$1" | sed 's/.*:v\{0,1\}//; s/-.*//'; }

runtime=$(sed -n 's/.*--container-runtime-endpoint=\([^" ]*\).*/\1/p' \
  /var/lib/kubelet/kubeadm-flags.env 2> /dev/null | head -n 1)
if [ -z "$runtime" ]; then
  runtime=$(sed -n 's/^containerRuntimeEndpoint: *"\{0,1\}\([^" ]*\).*/\1/p' \
    /var/lib/kubelet/config.yaml 2> /dev/null | head -n 1)
fi

cri() { crictl -r "$runtime" "$@"; }

running() {
  for pod in "$@"; do
    cri ps -q --label io.kubernetes.pod.namespace=kube-system \
      --label "io.kubernetes.container.name=$pod" || return 1
  done
}

# What they would still do is not kept, so nobody waits for it long. A kubelet that is down ends
# nothing: the runtime is told.
stop_pods() {
  mkdir -p "$aside"
  for pod in "$@"; do
    phase "stopping $pod"
    if [ -e "$manifests/$pod.yaml" ]; then mv -f "$manifests/$pod.yaml" "$aside/$pod.yaml"; fi
  done
  sync "$aside" "$manifests"
  for second in $(seq 120); do
    left=$(running "$@") || left=unknown
    if [ -z "$left" ]; then return; fi
    if [ "$second" -ge 5 ] && [ "$left" != unknown ]; then
      cri stop --timeout 5 $left > /dev/null || true
    fi
    sleep 1
  done
  echo "these do not stop: $*"
  exit 1
}

# Of a directory with its manifest.
start_pod() {
  phase "starting $2"
  mkdir -p "$aside"
  if cmp -s "$1/$2.yaml" "$manifests/$2.yaml"; then return; fi
  cp "$1/$2.yaml" "$aside/$2.yaml.new"
  sync "$aside/$2.yaml.new"
  mv -f "$aside/$2.yaml.new" "$manifests/$2.yaml"
  sync "$manifests"
}

# What follows is true within so many seconds, or this fails.
within() {
  limit=$1
  shift
  for second in $(seq "$limit"); do
    if "$@" > /dev/null 2>&1; then return; fi
    sleep 1
  done
  return 1
}

# Asks the member of the manifest $1, with the programs in $bin.
etcd() {
  manifest=$1
  shift
  url=$(flag_of "$manifest" advertise-client-urls | sed 's/,.*//')
  "$bin/etcdctl" --command-timeout=10s --endpoints="$url" \
    --cacert="$(flag_of "$manifest" trusted-ca-file)" \
    --cert="$(flag_of "$manifest" cert-file)" --key="$(flag_of "$manifest" key-file)" "$@"
}
`;

/**
 * `take_etcd_programs IMAGE` fills `$bin`; fails after a line that says why. Images of etcd 3.5
 * have no etcdutl (kubernetes/cluster/images/etcd), and their etcdctl restores as well.
 */
export const etcdPrograms = String.raw`
take_etcd_programs() {
  mkdir -p "$bin"
  if [ -x "$bin/etcdctl" ] && can_restore; then return; fi
  if own_etcd_programs "$(release_of "$1")" && can_restore; then return; fi
  case $runtime in
    *containerd*) ;;
    *)
      echo "programs are taken from images of containerd only, and its runtime is $runtime:" \
        "put etcdctl and etcdutl $(release_of "$1") into /usr/local/bin"
      return 1
      ;;
  esac
  if ! mounted_etcd_programs "$1"; then
    echo "$1 does not let its etcdctl be copied"
    return 1
  fi
  if can_restore; then return; fi
  echo "etcdctl of $1 knows no --bump-revision:" \
    "put etcdctl and etcdutl $(release_of "$1") into /usr/local/bin"
  return 1
}

restorer() {
  if [ -x "$bin/etcdutl" ]; then "$bin/etcdutl" "$@"; else "$bin/etcdctl" "$@"; fi
}
can_restore() { restorer snapshot restore --help 2>&1 | grep -q -e --bump-revision; }

# Those that somebody has put there, of the same minor.
own_etcd_programs() {
  minor=$(echo "$1" | sed 's/\.[0-9]*$//')
  for program in etcdctl etcdutl; do
    place=$(command -v "$program") || return 1
    case $("$place" version 2> /dev/null | head -n 1) in
      *": $minor."*) cp "$place" "$bin/$program" ;;
      *) return 1 ;;
    esac
  done
}

mounted_etcd_programs() {
  view=$bin/image
  from=$view/usr/local/bin
  socket=$(echo "$runtime" | sed 's,^unix://,,')
  containerd() { ctr --address "$socket" --namespace k8s.io "$@"; }
  mkdir -p "$view"
  # What a machine that died has left.
  containerd images unmount --rm "$view" > /dev/null 2>&1 || true
  containerd images mount "$1" "$view" > /dev/null || return 1
  copied=0
  cp "$from/etcdctl" "$bin/etcdctl" && copied=1
  if [ -e "$from/etcdutl" ]; then cp "$from/etcdutl" "$bin/etcdutl" || copied=0; fi
  containerd images unmount --rm "$view" > /dev/null 2>&1 || true
  rmdir "$view" || true
  [ "$copied" = 1 ]
}
`;

/** `put_back_certificates`; `$kept` is where those of the version are. */
export const certificates = String.raw`
# kubeadm renews certificates when it upgrades. From 1.29 on admin.conf is of a group whose rights
# are in the data of then.
put_back_certificates() {
  if [ ! -e "$dir/old-pki" ] || [ ! -d "$kept/pki" ]; then return; fi
  for certificate in "$kept"/pki/*.crt "$kept"/pki/etcd/*.crt; do
    if ! command -v openssl > /dev/null || [ ! -e "$certificate" ]; then continue; fi
    if openssl x509 -checkend 86400 -noout -in "$certificate" > /dev/null; then continue; fi
    echo "$certificate ends within a day or has ended: certificates stay as they are"
    return
  done
  cp -a "$kept/pki/." /etc/kubernetes/pki/
  for file in "$kept"/conf/*.conf; do
    name=$(basename "$file")
    # The kubelet's own are rotated by itself.
    if [ ! -e "$file" ] || [ "$name" = kubelet.conf ]; then continue; fi
    cp -p "$file" "/etc/kubernetes/$name.new"
    mv "/etc/kubernetes/$name.new" "/etc/kubernetes/$name"
  done
  sync -f /etc/kubernetes
}
`;
