import { useRef, useState } from 'preact/hooks';
import type { ConsoleModel } from '../model/console-model';
import { type Draft, emptyDraft } from '../model/draft';
import { decodeText, formatHex } from '../model/payload';
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

/** Page: forms on one side, tabs on the other. */
export function App({ model }: { readonly model: ConsoleModel }) {
  const draft = useFields<Draft>(emptyDraft);
  const [tab, setTab] = useState('Messages');
  const side = useRef<HTMLElement>(null);
  const respond = (topic: string, correlationData?: Uint8Array) => {
    draft.set({ topic, ...(correlationData && { correlationData: formatCorrelationData(correlationData) }) });
    side.current?.querySelector<HTMLElement>('form[aria-label=Publish] textarea')?.focus();
  };
  const tabs: Tab[] = [
    { name: 'Messages', content: () => <MessagesTab model={model} onRespond={respond} /> },
    { name: 'Topics', content: () => <TopicsTab model={model} onRespond={respond} /> },
    { name: 'Clients', content: () => <ClientsTab model={model} /> },
  ];
  const { costs } = model;
  if (costs) tabs.push({ name: 'Costs', content: () => <CostsTab costs={costs} /> });
  return (
    <>
      <Header model={model} />
      <div class="columns">
        <aside ref={side} aria-label="Connect, subscribe and publish">
          <ConnectPanel model={model} />
          <SubscribePanel model={model} />
          <PublishPanel model={model} form={draft} />
        </aside>
        <main>
          <Tabs tabs={tabs} chosen={tab} onChoose={setTab} />
        </main>
      </div>
    </>
  );
}

/** Formats correlation data as input of the publish form. */
function formatCorrelationData(bytes: Uint8Array): string {
  const text = decodeText(bytes);
  return text === undefined || text.startsWith('0x') ? `0x${formatHex(bytes)}` : text;
}
