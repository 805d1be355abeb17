import type { Instance } from "./instances.ts";

interface HostVariables {
  ansible_host?: string;
  /** By which the other nodes reach it. */
  trivet_address?: string;
  region: string;
}

export interface AnsibleInventory {
  _meta: { hostvars: Record<string, HostVariables> };
  [group: string]: { hosts: string[] } | { hostvars: Record<string, HostVariables> };
}

/** Ansible's dynamic inventory: a group a tag, a host an instance that runs, by its label. */
export function toInventory(instances: readonly Instance[]): AnsibleInventory {
  const inventory: AnsibleInventory = { _meta: { hostvars: {} } };
  const running = instances.filter(({ status }) => status === "running");
  for (const { label, ipv4, region } of running) {
    const open = ipv4.find((address) => !isPrivate(address));
    const inner = ipv4.find(isPrivate) ?? open;
    inventory._meta.hostvars[label] = {
      ...(open === undefined ? {} : { ansible_host: open }),
      ...(inner === undefined ? {} : { trivet_address: inner }),
      region,
    };
  }
  for (const group of new Set(running.flatMap(({ tags }) => tags.map(groupName))))
    inventory[group] = {
      hosts: running.filter(({ tags }) => tags.map(groupName).includes(group)).map(({ label }) => label),
    };
  return inventory;
}

/** Ansible takes letters, digits and _; "_meta" is its own. */
function groupName(tag: string): string {
  const name = tag.replaceAll(/[^A-Za-z0-9_]/g, "_");
  return /^[A-Za-z]/.test(name) ? name : `tag_${name}`;
}

/** RFC 1918: Linode's private addresses, and those of a VPC. */
function isPrivate(address: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(address);
}
