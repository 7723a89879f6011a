import {
  isControllerInSkew,
  isKubeletTooNew,
  isKubeletTooOld,
  oldestKubeletMinor,
} from '../../../domain/plan/skew';
import { version } from '../../support/builders';

// kubernetes.io/releases/version-skew-policy; three minors since kubelets of 1.25.
it.each([
  { apiServer: '1.30.0', oldest: '1.27' },
  { apiServer: '1.28.15', oldest: '1.25' },
  { apiServer: '1.27.3', oldest: '1.25' },
  { apiServer: '1.26.3', oldest: '1.24' },
  { apiServer: '1.1.0', oldest: '1.0' },
])('an API server $apiServer supports kubelets from $oldest', ({ apiServer, oldest }) => {
  expect(oldestKubeletMinor(version(apiServer))).toBe(oldest);
});

it.each([
  { kubelet: '1.27.0', apiServer: '1.30.14', old: false, young: false },
  { kubelet: '1.26.15', apiServer: '1.30.0', old: true, young: false },
  { kubelet: '1.30.14', apiServer: '1.30.0', old: false, young: false },
  { kubelet: '1.31.0', apiServer: '1.30.14', old: false, young: true },
])('kubelet $kubelet with API server $apiServer', ({ kubelet, apiServer, old, young }) => {
  const pair = [version(kubelet), version(apiServer)] as const;
  expect([isKubeletTooOld(...pair), isKubeletTooNew(...pair)]).toEqual([old, young]);
});

it.each([
  { controller: '1.30.1', apiServer: '1.30.14', legal: true },
  { controller: '1.29.15', apiServer: '1.30.14', legal: true },
  { controller: '1.28.15', apiServer: '1.30.14', legal: false },
  { controller: '1.31.0', apiServer: '1.30.14', legal: false },
])('controller $controller with API server $apiServer is legal: $legal', (row) => {
  expect(isControllerInSkew(version(row.controller), version(row.apiServer))).toBe(row.legal);
});
