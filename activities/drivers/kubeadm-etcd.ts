// How a member of a stacked etcd changes its version on a machine of a kubeadm cluster, and which
// etcds there are to have: as scripts. Data stays where it is; only the image of the static pod
// changes.
// F1. Which tag an etcd has is what a kubeadm says that names it (`3.5.16-0`); kubeadms are asked
//     without a cluster and without a network.
// F2. Done is what the member answers: its version, and that it is healthy, to its own certificate.

import type { KubeVersion } from '../../domain/versions';
import { keepScript } from './kubeadm-kept';
import type { MemberScriptOptions } from './kubeadm-member';
import type { KubeadmPackages } from '../access';
import { programsScript } from './kubeadm-programs';
import { mirrorPodsScript } from './kubeadm-mirror-pods';
import { scriptHead, shellWord } from './machine-script';

/**
 * Argument: the directory of releases; empty where there is none, and then the kubeadm that is
 * installed is asked. Prints what each names.
 */
export const listEtcdImages = `
if [ -n "$1" ]; then set -- "$1"/*/kubeadm; else set -- "$(command -v kubeadm || true)"; fi
for kubeadm in "$@"; do
  [ -x "$kubeadm" ] || continue
  release=$("$kubeadm" version -o short) || continue
  "$kubeadm" config images list --kubernetes-version "$release" 2> /dev/null | grep '/etcd:' || true
done
`;

/** For listEtcdImages. */
export function releasesOf(packages: KubeadmPackages): string {
  return packages.kind === 'binaries' ? packages.directory : '';
}

/** Of what listEtcdImages prints. */
export function etcdVersionsIn(output: string): readonly string[] {
  return output
    .split('\n')
    .flatMap((line) => /\/etcd:v?(\d+\.\d+\.\d+)(-\d+)?$/.exec(line.trim())?.[1] ?? []);
}

const functions = `
# Of a version as text: that of the kubeadms at hand, those that are kept included. (F1)
tag_for() {
  {
    cat "$kept"/v*/manifests/etcd.yaml 2> /dev/null || true
    list_etcd_images "$releases"
  } | sed -n "s,^.*/etcd:\\(v*$1\\(-[0-9]*\\)*\\)\\([\\"'@ ].*\\)*$,\\1,p" | sort -V | tail -n 1
}

etcd_says() {
  "$(place_of kubectl)" --kubeconfig /dev/null --request-timeout 10s \\
    --server https://127.0.0.1:2379 --certificate-authority "$kubernetes/pki/etcd/ca.crt" \\
    --client-certificate "$kubernetes/pki/etcd/server.crt" \\
    --client-key "$kubernetes/pki/etcd/server.key" get --raw "$1"
}

# (F2)
etcd_runs() {
  case $(etcd_says /version) in *"\\"etcdserver\\":\\"$1\\""*) ;; *) return 1 ;; esac
  case $(etcd_says /health) in *'"health":"true"'*) ;; *) return 1 ;; esac
}
`;

/** `to` is of etcd; `options.to` is of no account beside it. */
export function etcdScript(etcd: KubeVersion, { node, to, packages }: MemberScriptOptions): string {
  return `
${scriptHead}${programsScript(packages, to)}${keepScript()}${mirrorPodsScript(node)}
releases=${shellWord(releasesOf(packages))}
list_etcd_images() {
${listEtcdImages}
}
${functions}
etcd=${etcd}
if [ ! -s "$manifests/etcd.yaml" ]; then
  refuse "$manifests/etcd.yaml is not there: etcd is no static pod of this machine"
fi
now=$(tag_of etcd)
tag=$(tag_for "$etcd")
if [ -z "$tag" ]; then
  refuse "no kubeadm on this machine names etcd $etcd: its image is not known"
fi
version=$(control_plane_version) || refuse 'its components are of several versions'
if [ ! -e "$kept/$version" ]; then keep_member "$version"; fi

if [ "$now" != "$tag" ]; then
  phase "changing the image of etcd from $now to $tag"
  changed=$kubernetes/.ascent.etcd
  cp -p "$manifests/etcd.yaml" "$changed"
  sed -i "s,^\\( *\\(- \\)*image: *[\\"']*[^\\"' ]*/etcd:\\)[^\\"'@ ]*,\\1$tag," "$changed"
  put_file "$changed" "$manifests/etcd.yaml"
  rm "$changed"
fi
phase "waiting for etcd $etcd"
for second in $(seq 180); do
  if etcd_runs "$etcd" 2> /dev/null; then echo "etcd runs, $etcd"; exit 0; fi
  sleep 1
done
answers="$(etcd_says /version 2>&1 || true) $(etcd_says /health 2>&1 || true)"
echo "reason: etcd does not run $etcd; it says: $answers"
exit 1
`;
}
