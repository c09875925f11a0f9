import { runBeside } from '@berth/sdk/cni/run-beside';

/**
 * Removes what the reference plugin's iptables backend made for one attachment: a chain of its own in the table nat and
 * the jumps to it. Without iptables on PATH there can be none.
 */
export async function removeIptablesMasquerade(chain: string): Promise<void> {
  for (const iptables of ['iptables', 'ip6tables']) {
    const listing = await run(iptables, ['--wait', '-t', 'nat', '-S']);
    const script = removalScript(listing, chain);
    // What can't be removed now is left to the next DEL: it harms nobody, and the attachment itself is gone.
    if (script !== '') await run(`${iptables}-restore`, ['--wait', '--noflush'], script);
  }
}

/** The iptables-restore script that removes `chain` and the jumps to it, as `iptables -S` lists them; '' where it isn't there. */
export function removalScript(listing: string, chain: string): string {
  const lines = listing.split('\n');
  if (!lines.includes(`-N ${chain}`)) return '';
  const jumps = lines.filter((line) => line.startsWith('-A ') && line.endsWith(`-j ${chain}`));
  return ['*nat', ...jumps.map((line) => `-D ${line.slice('-A '.length)}`), `-F ${chain}`, `-X ${chain}`, 'COMMIT', ''].join('\n');
}

async function run(program: string, parameters: string[], input = ''): Promise<string> {
  const { status, stdout } = await runBeside(program, parameters, { input });
  return status === 0 ? stdout : '';
}
