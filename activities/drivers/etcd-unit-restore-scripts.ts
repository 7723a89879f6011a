// What a restore does beside the phases of static pods where etcd is units of machines: what
// control planes and members of etcd are looked at for, and how a member starts.

import type { EtcdUnit } from './etcd-unit-scripts';
import {
  choosePart,
  countingPart,
  dataRoomPart,
  noteMemberPart,
  restoreHead,
  startingEtcdPart,
} from './kubeadm-restore-scripts';
import { refusedCode } from './machine-script';

/** Of a control plane; as checkScript. */
export function checkControlPlaneScript(id: string, version: string): string {
  return `${restoreHead(id)}
if [ -e "$manifests/etcd.yaml" ]; then
  refuse 'etcd is a static pod there: take driver.etcd out of the access file'
fi
${choosePart(version, '')}
if [ "$problems" = 1 ]; then exit ${refusedCode}; fi
echo 'all that a restore needs is there'
`;
}

/** Of a member that has been looked at (etcd-unit-look.ts). `bytes`: 0 where no snapshot comes. */
export function checkUnitScript(id: string, unit: EtcdUnit, bytes: number): string {
  return `${restoreHead(id, unit)}
mkdir -p "$dir"
if ! describe_unit "$dir/unit"; then
  echo "reason: $unit does not run, and nobody has noted how it did: start it"
  exit 1
fi
note_unit "$dir/unit"
${countingPart}${dataRoomPart(bytes)}
take_unit_programs || refuse 'there is no etcdctl beside its etcd that restores'
${noteMemberPart}`;
}

export function startUnitScript(id: string, unit: EtcdUnit): string {
  return `${restoreHead(id, unit)}${startingEtcdPart}`;
}
