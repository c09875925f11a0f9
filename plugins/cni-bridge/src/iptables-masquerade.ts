import { spawnSync } from 'node:child_process';

/**
 * Removes what the reference plugin's iptables backend made for one attachment: a chain of its own in the table nat and
 * the jumps to it. Without iptables on PATH there can be none.
 */
export function removeIptablesMasquerade(chain: string): void {
  for (const iptables of ['iptables', 'ip6tables']) {
    const listing = run(iptables, ['--wait', '-t', 'nat', '-S']);
    const script = removalScript(listing, chain);
    // What can't be removed now is left to the next DEL: it harms nobody, and the attachment itself is gone.
    if (script !== '') run(`${iptables}-restore`, ['--wait', '--noflush'], script);
  }
}

/** The iptables-restore script that removes `chain` and the jumps to it, as `iptables -S` lists them; '' where it isn't there. */
export function removalScript(listing: string, chain: string): string {
  const lines = listing.split('\n');
  if (!lines.includes(`-N ${chain}`)) return '';
  const jumps = lines.filter((line) => line.startsWith('-A ') && line.endsWith(`-j ${chain}`));
  return ['*nat', ...jumps.map((line) => `-D ${line.slice('-A '.length)}`), `-F ${chain}`, `-X ${chain}`, 'COMMIT', ''].join('\n');
}

function run(program: string, parameters: string[], input = ''): string {
  const { status, stdout } = spawnSync(program, parameters, { input, encoding: 'utf8', timeout: 30_000, maxBuffer: 64 * 1024 * 1024 });
  return status === 0 ? stdout : '';
}
