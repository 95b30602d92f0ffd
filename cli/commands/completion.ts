import { type Command, type Flags, type ListedCommand, UsageError } from '../command';

const help = `usage: cirrus-mqtt completion bash|zsh|fish

Prints a script for the shell that completes commands, verbs and flags:

  bash   cirrus-mqtt completion bash > ~/.local/share/bash-completion/completions/cirrus-mqtt
  zsh    cirrus-mqtt completion zsh > a file _cirrus-mqtt in a folder of $fpath
  fish   cirrus-mqtt completion fish > ~/.config/fish/completions/cirrus-mqtt.fish
`;

/** Verbs and flags that may follow the words of a command line. */
interface Position {
  /** Name of the command, and of the verb if the command has verbs. */
  readonly words: readonly string[];
  readonly verbs: readonly string[];
  readonly flags: Flags;
}

/** Commands of the program, by name. */
type Commands = Readonly<Record<string, ListedCommand>>;

/** `cirrus-mqtt completion`: generates a completion script from the flags that the commands parse. */
export function completionFor(commands: Commands): Command {
  return {
    help,
    verbs: { bash: {}, zsh: {}, fish: {} },
    async run([shell = '', ...rest], { stdout }) {
      const write = Object.hasOwn(scripts, shell) ? scripts[shell as keyof typeof scripts] : undefined;
      if (!write) throw new UsageError(`completion takes ${Object.keys(scripts).join(', ')}, not "${shell}"`);
      if (rest.length > 0) throw new UsageError(`completion takes one shell, not also "${rest[0]}"`);
      stdout.write(write(await positionsIn(commands), commands));
      return 0;
    },
  };
}

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };

async function positionsIn(commands: Commands): Promise<Position[]> {
  const ofCommands = Object.entries(commands).map(async ([name, { load }]) => positionsOf(name, await load()));
  return (await Promise.all(ofCommands)).flat();
}

function positionsOf(name: string, { flags = {}, verbs = {} }: Command): Position[] {
  const ofVerbs = Object.entries(verbs).map(([verb, own]) => ({ words: [name, verb], verbs: [], flags: own }));
  return [{ words: [name], verbs: Object.keys(verbs), flags }, ...ofVerbs];
}

/** Returns the words that may follow at a position. */
function candidates({ verbs, flags }: Position): string {
  return [...verbs, ...Object.keys(flags).map((name) => `--${name}`), '--help'].join(' ');
}

/** Returns one branch of a `case`, which is the same in bash and zsh. */
function caseOf(place: Position): string {
  return `    '${place.words.join(' ')}') words='${candidates(place)}' ;;\n`;
}

/** Returns the flags that take a value. The scripts complete their values as file names. */
function flagsWithValues(all: readonly Position[]): string {
  const names = all.flatMap(({ flags }) =>
    Object.entries(flags).flatMap(([name, { type, short }]) =>
      type === 'string' ? [`--${name}`, ...(short ? [`-${short}`] : [])] : [],
    ),
  );
  return [...new Set(names)].sort().join('|');
}

function bashScript(all: readonly Position[], commands: Commands): string {
  return `_cirrus_mqtt() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words=
  case "$previous" in
    ${flagsWithValues(all)}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  local place=\${COMP_WORDS[1]}
  (( COMP_CWORD == 1 )) && place=
  case "$place" in
    '') words='${Object.keys(commands).join(' ')} --help --version' ;;
${all.filter(hasNoVerb).map(caseOf).join('')}  esac
  if (( COMP_CWORD > 2 )); then
    case "$place \${COMP_WORDS[2]}" in
${all.filter(hasVerb).map(caseOf).join('').replace(/^/gm, '  ').trimEnd()}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o filenames -F _cirrus_mqtt cirrus-mqtt
`;
}

function zshScript(all: readonly Position[], commands: Commands): string {
  return `#compdef cirrus-mqtt
_cirrus_mqtt() {
  local place=\${words[2]} verb=\${words[3]} before=\${words[CURRENT-1]} next=
  case "$before" in
    ${flagsWithValues(all)}) _files; return ;;
  esac
  (( CURRENT == 2 )) && place=
  case "$place" in
    '') next='${Object.keys(commands).join(' ')} --help --version' ;;
${all.filter(hasNoVerb).map(caseOf).join('').replaceAll('words=', 'next=')}  esac
  if (( CURRENT > 3 )); then
    case "$place $verb" in
${all.filter(hasVerb).map(caseOf).join('').replaceAll('words=', 'next=').replace(/^/gm, '  ').trimEnd()}
    esac
  fi
  compadd -- \${=next}
}
compdef _cirrus_mqtt cirrus-mqtt
`;
}

function fishScript(all: readonly Position[], commands: Commands): string {
  const names = Object.entries(commands).map(
    ([name, { summary }]) => `complete -c cirrus-mqtt -f -n __fish_use_subcommand -a ${name} -d '${summary}'\n`,
  );
  return [...names, ...all.flatMap(fishLines)].join('');
}

function fishLines({ words, verbs, flags }: Position): string[] {
  const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
  const start = `complete -c cirrus-mqtt -n '${seen}'`;
  const verbLine = verbs.length > 0 ? [`${start} -f -a '${verbs.join(' ')}'\n`] : [];
  const flagLines = Object.entries(flags).map(([name, { type, short }]) => {
    const letter = short ? ` -s ${short}` : '';
    return `${start} -l ${name}${letter}${type === 'string' ? ' -r' : ''}\n`;
  });
  return [...verbLine, ...flagLines, `${start} -l help\n`];
}

function hasVerb({ words }: Position): boolean {
  return words.length > 1;
}

function hasNoVerb(place: Position): boolean {
  return !hasVerb(place);
}
