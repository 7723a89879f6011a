// Packages of a release by dnf.

import { rpmRelease, versionLockPlugin } from '../../support/rpm-repository';
import { describePackagesOf } from './support/rpm-packages';

jest.setTimeout(180_000);

const python = 'usr/lib/python3/dist-packages';

describePackagesOf({
  kind: 'dnf',
  folder: '/etc/yum.repos.d',
  between: '-',
  prepare: () => `
      mkdir -p /etc/dnf/vars /${python}/dnf-plugins
      echo 12 > /etc/dnf/vars/releasever
      cp ${versionLockPlugin()}/${python}/dnf-plugins/versionlock.py /${python}/dnf-plugins
      cp -r ${versionLockPlugin()}/${python}/dnfpluginscore /${python}
      cp ${versionLockPlugin()}/etc/dnf/plugins/versionlock.* /etc/dnf/plugins`,
  install: `: > /etc/dnf/plugins/versionlock.list
      dnf -q -y --refresh --disableexcludes=all install`,
  lock: "dnf -q --disablerepo='*' versionlock add",
  unlock: "dnf -q --disablerepo='*' versionlock delete",
  locks: 'sed "/^#/d; /^$/d" /etc/dnf/plugins/versionlock.list | sort',
  lockOf: (name, release) => `${name}-0:${release}-${rpmRelease}.*`,
  cache: '/var/cache/dnf',
});
