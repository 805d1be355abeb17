import { expect, test } from "bun:test";
import { toInventory } from "./inventory.ts";

const instance = (label: string, tags: string[], ipv4: string[], status = "running") => ({
  label,
  tags,
  ipv4,
  status,
  region: "eu-central",
});

test("a group a tag, the public address for SSH, the private one for the other nodes", () => {
  expect(
    toInventory([
      instance("edge1", ["trivet", "edge"], ["203.0.113.1", "192.168.128.1"]),
      instance("app1", ["trivet", "app", "my site"], ["203.0.113.2"]),
      instance("app2", ["trivet", "app"], ["203.0.113.3", "172.32.0.1", "172.20.0.3"], "offline"),
    ]),
  ).toEqual({
    _meta: {
      hostvars: {
        edge1: { ansible_host: "203.0.113.1", trivet_address: "192.168.128.1", region: "eu-central" },
        app1: { ansible_host: "203.0.113.2", trivet_address: "203.0.113.2", region: "eu-central" },
      },
    },
    trivet: { hosts: ["edge1", "app1"] },
    edge: { hosts: ["edge1"] },
    app: { hosts: ["app1"] },
    my_site: { hosts: ["app1"] },
  });
});

test("a tag can't be taken for what is Ansible's", () => {
  expect(Object.keys(toInventory([instance("a", ["_meta", "1"], ["10.0.0.1"])]))).toEqual([
    "_meta",
    "tag__meta",
    "tag_1",
  ]);
});
