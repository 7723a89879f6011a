// What a person is told to do about each failure.

export const remedies = {
  'worker-missing': "start a worker that serves the cluster's task queue, then start again",
  'cluster-unreachable':
    'see that the API server, etcd and the hosts answer from where the worker runs, then try' +
    ' again',
  'credentials-refused':
    "correct the worker's credentials, its snapshot key or its rights, then try again",
  'wrong-cluster': 'start the worker with the access file of this cluster',
  'driver-missing':
    "name a driver in the worker's access file, or go on with observe, plan, preflight and drain",
  'preflight-blocked': 'remove what the blocking findings name, then try again',
  'snapshot-failed': 'see that etcd is healthy and the snapshot store is writable, then try again',
  'snapshot-unverified': 'do not rely on this snapshot: see that etcd is healthy, then try again',
  'snapshot-unserved':
    'see what the reason names: the object, the encryption config of the API servers, or the' +
    ' executable in tools.apiServers of the access file; then try again',
  'snapshot-missing':
    'bring the snapshot back into the store; without it there is no way back to this version',
  'way-back-unstaged':
    'put right what the reason names on machines of the control plane, then try again;' +
    ' the snapshot itself is there',
  'space-missing':
    'make room where the message says, keep fewer snapshots, or name another place;' +
    ' then try again',
  'member-upgrade-failed': "look at the member's host and the driver's log, then try again",
  'member-not-ready': 'look at /readyz?verbose and the logs of the member, then try again',
  'member-put-back':
    "find out from the member's log why it does not start in the new version, then try again;" +
    ' or roll the hop back',
  'members-unfit': 'remove what the blocking findings name, then try again',
  'drain-refused':
    "let these pods leave in the pool's drain policy, or remove them yourself; then retry the" +
    ' node',
  'drain-deadline':
    'remove what its blockers name and retry the node, or skip it, or quarantine it',
  'drain-yielded': 'nothing: its node is taken again when no other node of the pool is in work',
  'node-upgrade-failed':
    "look at the node's host and the driver's log; retry the node, or quarantine it",
  'node-not-ready': 'look at the kubelet of the node; retry the node, or quarantine it',
  'node-missing': 'skip the node if it was taken away on purpose, else bring it back and retry it',
  'verification-failed': 'see why what runs differs from the plan, correct it, then try again',
  'emulation-ended':
    'try again to have the snapshot of the hop restored instead, which loses what was written' +
    ' since; or reject to leave everything as it is',
  'image-unavailable':
    'see that the machine reaches its registry, or import it there; then try again',
  'rollout-failed': 'see to the Machines that the message names, then try again',
  'restore-failed':
    'try again: a restore goes on where it stopped; until then the API may not answer',
  'etcd-repair-failed':
    'etcd serves without this member: see to its host and its disk, then try again',
  unexpected: 'look at the log of the worker; try again when the cause is gone',
};
