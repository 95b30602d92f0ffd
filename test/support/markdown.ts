/** A fenced block of code. */
export interface CodeBlock {
  readonly language: string;
  readonly code: string;
}

/** The fenced blocks of a document, in order. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const fenced = markdown.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm);
  return [...fenced].map(([, language = '', code = '']) => ({ language, code }));
}

/** Every line that a reader would type into a shell. */
export function shellLines(markdown: string): string[] {
  const blocks = codeBlocks(markdown).filter(({ language }) => language === 'sh');
  return blocks.flatMap(({ code }) => code.split('\n')).filter((line) => line.trim() !== '');
}

/** A shell line as its words, single quotes taken off. */
export function wordsOf(line: string): string[] {
  const words = line.matchAll(/(?:'[^']*'|[^\s'])+/g);
  return [...words].map(([word]) => word.replaceAll("'", ''));
}

/** Where the links and pictures of a document point. */
export function linksOf(markdown: string): string[] {
  const prose = markdown.replace(/^```[\s\S]*?^```$/gm, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}

/** The names by which GitHub lets the headings of a document be linked to. */
export function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** What stands in backticks outside of blocks. */
export function codeSpans(markdown: string): string[] {
  const prose = markdown.replace(/^```[\s\S]*?^```$/gm, '');
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
}

/** The cells of each row of each table. */
export function tableRows(markdown: string): string[][] {
  const rows = markdown.matchAll(/^\| (.*) \|$/gm);
  return [...rows].map(([, cells = '']) => cells.split(' | ').map((cell) => cell.trim()));
}
