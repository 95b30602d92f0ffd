import { useRef, useState } from 'preact/hooks';
import type { Workbench } from '../model/console-model';
import { type Draft, emptyDraft } from '../model/draft';
import { hexOf, textOf } from '../model/payload';
import { ClientsTab } from './clients-tab';
import { ConnectPanel } from './connect-panel';
import { CostsTab } from './costs-tab';
import { useFields } from './fields';
import { Header } from './header';
import { MessagesTab } from './messages-tab';
import { PublishPanel } from './publish-panel';
import { SubscribePanel } from './subscribe-panel';
import { type Tab, Tabs } from './tabs';
import { TopicsTab } from './topics-tab';

/** The whole page: what one does on one side, what one sees on the other. */
export function App({ bench }: { readonly bench: Workbench }) {
  const draft = useFields<Draft>(emptyDraft);
  const [tab, setTab] = useState('Messages');
  const side = useRef<HTMLElement>(null);
  const answer = (topic: string, correlationData?: Uint8Array) => {
    draft.set({ topic, ...(correlationData && { correlationData: typed(correlationData) }) });
    side.current?.querySelector<HTMLElement>('form[aria-label=Publish] textarea')?.focus();
  };
  const tabs: Tab[] = [
    { name: 'Messages', content: () => <MessagesTab bench={bench} onAnswer={answer} /> },
    { name: 'Topics', content: () => <TopicsTab bench={bench} onAnswer={answer} /> },
    { name: 'Clients', content: () => <ClientsTab bench={bench} /> },
  ];
  const { costs } = bench;
  if (costs) tabs.push({ name: 'Costs', content: () => <CostsTab costs={costs} /> });
  return (
    <>
      <Header bench={bench} />
      <div class="columns">
        <aside ref={side} aria-label="Connect, subscribe and publish">
          <ConnectPanel bench={bench} />
          <SubscribePanel bench={bench} />
          <PublishPanel bench={bench} form={draft} />
        </aside>
        <main>
          <Tabs tabs={tabs} chosen={tab} onChoose={setTab} />
        </main>
      </div>
    </>
  );
}

/** Correlation data as the form takes it. */
function typed(bytes: Uint8Array): string {
  const text = textOf(bytes);
  return text === undefined || text.startsWith('0x') ? `0x${hexOf(bytes)}` : text;
}
