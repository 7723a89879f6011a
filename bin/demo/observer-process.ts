// The demo's side of the independent observer.

import type { ObserverReport } from './observer/main';
import { type Reporter, startReporter } from './reporter';

export type Observer = Reporter<ObserverReport>;

/** Resolves when every budget and pod is being watched and requests are under way. */
export function startObserver(kubeconfig: string): Promise<Observer> {
  return startReporter({
    name: 'the observer',
    file: 'bin/demo/observer/main.js',
    about: kubeconfig,
  });
}
