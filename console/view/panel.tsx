import type { ComponentChildren } from 'preact';

interface PanelProps {
  readonly title: string;
  /** Text beside the title. */
  readonly summary?: string;
  readonly isOpen: boolean;
  readonly children: ComponentChildren;
}

/** Collapsible part of the page. */
export function Panel({ title, summary = '', isOpen, children }: PanelProps) {
  return (
    <details class="panel" open={isOpen}>
      <summary>
        <h2>{title}</h2>
        <span class="muted cut">{summary}</span>
      </summary>
      {children}
    </details>
  );
}
