// The part of the version skew policy that planning and preflight go by.
// Source: kubernetes.io/releases/version-skew-policy. Skew is counted in minors; patches are free.
// K1. A kubelet is never newer than the oldest API server.
// K2. A kubelet is at most three minors older than the newest API server; two when it is older
//     than 1.25.
// K3. kube-controller-manager and kube-scheduler are never newer, and at most one minor older.

import type { KubeMinor, KubeVersion } from '../versions';
import { compareMinors, minorOf, minorsBetween } from '../versions';

const firstMinorWithThree = '1.25' as KubeMinor;

/** The oldest kubelet minor that an API server of this version supports (K2). */
export function oldestKubeletMinor(apiServer: KubeVersion): KubeMinor {
  const threeBack = minorsBack(apiServer, 3);
  return compareMinors(threeBack, firstMinorWithThree) >= 0 ? threeBack : minorsBack(apiServer, 2);
}

function minorsBack(version: KubeVersion, count: number): KubeMinor {
  const [major, minor] = version.split('.').map(Number) as [number, number];
  return `${major}.${Math.max(0, minor - count)}` as KubeMinor;
}

/** K2, for the newest API server. */
export function isKubeletTooOld(kubelet: KubeVersion, apiServer: KubeVersion): boolean {
  return compareMinors(minorOf(kubelet), oldestKubeletMinor(apiServer)) < 0;
}

/** K1, for the oldest API server. */
export function isKubeletTooNew(kubelet: KubeVersion, apiServer: KubeVersion): boolean {
  return compareMinors(minorOf(kubelet), minorOf(apiServer)) > 0;
}

/** K3. */
export function isControllerInSkew(controller: KubeVersion, apiServer: KubeVersion): boolean {
  const behind = minorsBetween(controller, apiServer);
  return behind >= 0 && behind <= 1;
}
