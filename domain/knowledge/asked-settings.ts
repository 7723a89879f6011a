// Settings whose values the catalogue asks for. Of all others only names leave the place where
// they stand (O2 of domain/observation.ts).

import type { Knowledge } from './knowledge';

/** `kube-controller-manager/cloud-provider`, `kube-proxy/mode`. */
export function askedSettings(knowledge: Knowledge): ReadonlySet<string> {
  const conditions = knowledge
    .flatMap(({ changes = [] }) => changes)
    .flatMap(({ applies = [] }) => applies);
  return new Set(
    conditions.flatMap((condition) => {
      if (condition.when === 'field') return [settingKey(condition.file, condition.field)];
      const asksValue = condition.when === 'flag' && condition.isNot !== undefined;
      return asksValue ? [settingKey(condition.component, condition.flag)] : [];
    }),
  );
}

export function settingKey(component: string, name: string): string {
  return `${component}/${name}`;
}
