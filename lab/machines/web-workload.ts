// What tests and benchmarks run on a lab of machines: the web server on two machines, slow to begin
// and ending with grace, behind a Service, with a budget that lets one pod go at a time.

import { webImage } from './images';

export const webReplicas = 2;
export const webPreStopSeconds = 3;

const labels = { app: 'web' };

/** One on each machine: while one of them is drained the other serves. */
const spread = {
  podAntiAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [
      { labelSelector: { matchLabels: labels }, topologyKey: 'kubernetes.io/hostname' },
    ],
  },
};

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: webReplicas,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        affinity: spread,
        containers: [
          {
            name: 'web',
            image: webImage,
            imagePullPolicy: 'Never',
            args: ['-start-delay=2s', `-pre-stop=${webPreStopSeconds}s`],
            ports: [{ containerPort: 8080 }],
            readinessProbe: { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 1 },
            lifecycle: { preStop: { httpGet: { path: '/pre-stop', port: 8080 } } },
          },
        ],
      },
    },
  },
};

const budget = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'web' },
  spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
};

const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
};

/** For `kubectl apply -f -`: Deployment, budget and Service, all called `web`. */
export const webWorkload: string = JSON.stringify({
  apiVersion: 'v1',
  kind: 'List',
  items: [deployment, budget, service],
});
