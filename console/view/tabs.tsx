import type { ComponentChildren } from 'preact';
import { useId, useRef } from 'preact/hooks';
import { IsVisible } from './use-observed';

export interface Tab {
  readonly name: string;
  readonly content: () => ComponentChildren;
}

interface TabsProps {
  readonly tabs: readonly Tab[];
  readonly chosen: string;
  readonly onChoose: (name: string) => void;
}

/** Tabs, which stay mounted and keep their state. Arrow keys move between them. */
export function Tabs({ tabs, chosen, onChoose }: TabsProps) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const visited = useRef(new Set<string>()).current.add(chosen);
  const index = tabs.findIndex(({ name }) => name === chosen);
  const go = (step: number) => {
    const next = (index + step + tabs.length) % tabs.length;
    onChoose(tabs[next]!.name);
    (list.current!.children[next] as HTMLElement).focus();
  };
  return (
    <div class="tabs">
      <div
        ref={list}
        role="tablist"
        aria-label="Views"
        onKeyDown={({ key }) => {
          if (key === 'ArrowRight') go(1);
          if (key === 'ArrowLeft') go(-1);
        }}
      >
        {tabs.map(({ name }) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`${id}-${name}`}
            aria-controls={`${id}-${name}-panel`}
            aria-selected={name === chosen}
            tabIndex={name === chosen ? 0 : -1}
            onClick={() => onChoose(name)}
          >
            {name}
          </button>
        ))}
      </div>
      {tabs.map(({ name, content }) => (
        <div
          key={name}
          class="tab-panel"
          role="tabpanel"
          id={`${id}-${name}-panel`}
          aria-labelledby={`${id}-${name}`}
          hidden={name !== chosen}
        >
          <IsVisible.Provider value={name === chosen}>{visited.has(name) && content()}</IsVisible.Provider>
        </div>
      ))}
    </div>
  );
}
