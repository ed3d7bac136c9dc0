import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hadoop.yarn.api.ApplicationClientProtocol;
import org.apache.hadoop.yarn.api.protocolrecords.AllocateResponse;
import org.apache.hadoop.yarn.api.protocolrecords.GetNewApplicationRequest;
import org.apache.hadoop.yarn.api.records.Container;
import org.apache.hadoop.yarn.api.records.ContainerId;
import org.apache.hadoop.yarn.api.records.ContainerLaunchContext;
import org.apache.hadoop.yarn.api.records.ContainerStatus;
import org.apache.hadoop.yarn.api.records.FinalApplicationStatus;
import org.apache.hadoop.yarn.api.records.NodeReport;
import org.apache.hadoop.yarn.api.records.Priority;
import org.apache.hadoop.yarn.api.records.Resource;
import org.apache.hadoop.yarn.api.records.UpdatedContainer;
import org.apache.hadoop.yarn.client.api.AMRMClient;
import org.apache.hadoop.yarn.client.api.AMRMClient.ContainerRequest;
import org.apache.hadoop.yarn.client.api.async.AMRMClientAsync;
import org.apache.hadoop.yarn.client.api.async.NMClientAsync;
import org.apache.hadoop.yarn.conf.YarnConfiguration;
import org.apache.hadoop.yarn.ipc.YarnRPC;

/**
 * The Java side of the benchmark `toolkit`: the same work as its Rust side, with Hadoop's own clients. It says each step
 * on its standard output and goes on when it is told to.
 */
public final class ToolkitBench {
    private static final BufferedReader IN = new BufferedReader(new InputStreamReader(System.in));

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "register":
                register();
                break;
            case "containers":
                containers(Integer.parseInt(arguments[1]));
                break;
            case "heartbeats":
                heartbeats(arguments[1], Integer.parseInt(arguments[2]), Integer.parseInt(arguments[3]));
                break;
            case "calls":
                calls(arguments[1], Integer.parseInt(arguments[2]));
                break;
            default:
                throw new IllegalArgumentException(arguments[0]);
        }
        System.exit(0);
    }

    private static void step(String name) throws IOException {
        System.out.println("STEP " + name);
        System.out.flush();
        if (IN.readLine() == null) {
            System.exit(1);
        }
    }

    private static void register() throws Exception {
        AMRMClientAsync<ContainerRequest> master =
            AMRMClientAsync.createAMRMClientAsync(1000, new Work(0));
        master.init(new YarnConfiguration());
        master.start();
        master.registerApplicationMaster("localhost", -1, "");
        step("registered");
        master.unregisterApplicationMaster(FinalApplicationStatus.SUCCEEDED, "", "");
        master.stop();
    }

    private static void containers(int count) throws Exception {
        YarnConfiguration conf = new YarnConfiguration();
        Work work = new Work(count);
        AMRMClientAsync<ContainerRequest> master = AMRMClientAsync.createAMRMClientAsync(1000, work);
        NMClientAsync nodes = NMClientAsync.createNMClientAsync(new Starts());
        work.master = master;
        work.nodes = nodes;
        master.init(conf);
        nodes.init(conf);
        master.start();
        nodes.start();
        master.registerApplicationMaster("localhost", -1, "");
        step("registered");
        for (int i = 0; i < count; i++) {
            master.addContainerRequest(
                new ContainerRequest(Resource.newInstance(64, 1), null, null, Priority.newInstance(1)));
        }
        work.done.await();
        step("completed " + work.surplus.get());
        master.unregisterApplicationMaster(FinalApplicationStatus.SUCCEEDED, "", "");
        nodes.stop();
        master.stop();
    }

    private static void heartbeats(String address, int empty, int full) throws Exception {
        YarnConfiguration conf = new YarnConfiguration();
        conf.set(YarnConfiguration.RM_SCHEDULER_ADDRESS, address);
        AMRMClient<ContainerRequest> master = AMRMClient.createAMRMClient();
        master.init(conf);
        master.start();
        master.registerApplicationMaster("localhost", -1, "");
        beats(master, empty / 2, 0);
        step("warm");
        beats(master, empty, 0);
        step("empty");
        step("full");
        beats(master, full / 2, 1000);
        step("warm");
        beats(master, full, 1000);
        step("done");
    }

    private static void beats(AMRMClient<ContainerRequest> master, int count, int updates) throws Exception {
        for (int i = 0; i < count; i++) {
            AllocateResponse answer = master.allocate(0.5f);
            int seen = 0;
            for (Container container : answer.getAllocatedContainers()) {
                seen += container.getId().getContainerId() > 0 && container.getNodeId() != null ? 1 : 0;
            }
            for (ContainerStatus status : answer.getCompletedContainersStatuses()) {
                seen += status.getContainerId().getContainerId() > 0 && status.getExitStatus() == 0 ? 1 : 0;
            }
            if (seen != updates) {
                throw new IllegalStateException(seen + " updates instead of " + updates);
            }
        }
    }

    private static void calls(String address, int count) throws Exception {
        int colon = address.lastIndexOf(':');
        InetSocketAddress server =
            new InetSocketAddress(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
        YarnConfiguration conf = new YarnConfiguration();
        ApplicationClientProtocol client = (ApplicationClientProtocol)
            YarnRPC.create(conf).getProxy(ApplicationClientProtocol.class, server, conf);
        call(client, count / 4);
        step("warm");
        call(client, count);
        step("done");
    }

    /** The calls of all threads travel over one connection. */
    private static void call(ApplicationClientProtocol client, int count) throws Exception {
        AtomicInteger left = new AtomicInteger(count);
        List<Thread> threads = new ArrayList<>();
        AtomicInteger failed = new AtomicInteger();
        for (int i = 0; i < 64; i++) {
            Thread thread = new Thread(() -> {
                try {
                    while (left.getAndDecrement() > 0) {
                        client.getNewApplication(GetNewApplicationRequest.newInstance()).getApplicationId();
                    }
                } catch (Exception problem) {
                    problem.printStackTrace();
                    failed.incrementAndGet();
                }
            });
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) {
            thread.join();
        }
        if (failed.get() > 0) {
            throw new IllegalStateException(failed + " threads failed");
        }
    }

    /** Starts what is granted, gives back what is too much, counts what has ended. */
    private static final class Work extends AMRMClientAsync.AbstractCallbackHandler {
        private final CountDownLatch done;
        private final AtomicInteger wanted;
        private final AtomicInteger surplus = new AtomicInteger();
        private AMRMClientAsync<ContainerRequest> master;
        private NMClientAsync nodes;

        Work(int count) {
            wanted = new AtomicInteger(count);
            done = new CountDownLatch(count);
        }

        @Override
        public void onContainersAllocated(List<Container> granted) {
            for (Container container : granted) {
                if (wanted.getAndDecrement() <= 0) {
                    surplus.incrementAndGet();
                    master.releaseAssignedContainer(container.getId());
                    continue;
                }
                master.removeContainerRequest(
                    new ContainerRequest(Resource.newInstance(64, 1), null, null, Priority.newInstance(1)));
                nodes.startContainerAsync(container, ContainerLaunchContext.newInstance(
                    Collections.emptyMap(), Collections.emptyMap(), Collections.singletonList("true"),
                    Collections.emptyMap(), null, Collections.emptyMap()));
            }
        }

        @Override
        public void onContainersCompleted(List<ContainerStatus> ended) {
            for (ContainerStatus status : ended) {
                if (status.getExitStatus() == 0) {
                    done.countDown();
                } else if (status.getExitStatus() != -100) {
                    System.err.println(status);
                    System.exit(1);
                }
            }
        }

        @Override
        public void onContainersUpdated(List<UpdatedContainer> updated) {
        }

        @Override
        public void onShutdownRequest() {
            System.exit(1);
        }

        @Override
        public void onNodesUpdated(List<NodeReport> nodes) {
        }

        @Override
        public float getProgress() {
            return 0.5f;
        }

        @Override
        public void onError(Throwable problem) {
            problem.printStackTrace();
            System.exit(1);
        }
    }

    /** A container that cannot be started is the end. */
    private static final class Starts extends NMClientAsync.AbstractCallbackHandler {
        @Override
        public void onContainerStarted(ContainerId id, Map<String, ByteBuffer> data) {
        }

        @Override
        public void onContainerStatusReceived(ContainerId id, ContainerStatus status) {
        }

        @Override
        public void onContainerStopped(ContainerId id) {
        }

        @Override
        public void onStartContainerError(ContainerId id, Throwable problem) {
            problem.printStackTrace();
            System.exit(1);
        }

        @Override
        public void onContainerResourceIncreased(ContainerId id, Resource resource) {
        }

        @Override
        public void onContainerResourceUpdated(ContainerId id, Resource resource) {
        }

        @Override
        public void onUpdateContainerResourceError(ContainerId id, Throwable problem) {
        }

        @Override
        public void onIncreaseContainerResourceError(ContainerId id, Throwable problem) {
        }

        @Override
        public void onGetContainerStatusError(ContainerId id, Throwable problem) {
        }

        @Override
        public void onStopContainerError(ContainerId id, Throwable problem) {
        }
    }
}
