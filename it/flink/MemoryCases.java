import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.IllegalConfigurationException;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.runtime.clusterframework.TaskExecutorProcessSpec;
import org.apache.flink.runtime.clusterframework.TaskExecutorProcessUtils;
import org.apache.flink.runtime.clusterframework.types.ResourceProfile;
import org.apache.flink.runtime.jobmanager.JobManagerProcessSpec;
import org.apache.flink.runtime.jobmanager.JobManagerProcessUtils;
import org.apache.flink.runtime.resourcemanager.WorkerResourceSpec;
import org.apache.flink.runtime.resourcemanager.slotmanager.SlotManagerUtils;
import org.apache.flink.runtime.util.config.memory.ProcessMemorySpec;

/**
 * Random option sets and what Flink's own memory model makes of them, one JSON object a line.
 * Arguments: the seed and the number of cases. One seed, one output: java.util.Random is specified.
 */
public class MemoryCases {
    private static final String TM = "taskmanager.memory.";
    private static final String JM = "jobmanager.memory.";
    private static final String[] BAD_SIZES = {"", "lots", "-1m", "1.5g", "10 parsecs", "m", "9223372036854775808", "8388608tb"};
    private static final String[] UNITS = {"", "b", " bytes", "k", "kb", " kibibytes", "m", "mb", "MB", " mebibytes", "g", "gb", " GB "};

    private final Random random;

    private MemoryCases(long seed) {
        random = new Random(seed);
    }

    public static void main(String[] arguments) {
        MemoryCases cases = new MemoryCases(Long.parseLong(arguments[0]));
        int count = Integer.parseInt(arguments[1]);
        for (int i = 0; i < count; i++) {
            System.out.println(i % 4 == 3 ? cases.jobManager() : cases.taskManager());
        }
    }

    // ---- which options ----

    private String taskManager() {
        Map<String, String> options = new TreeMap<>();
        long base = total();
        totals(TM, options, base);
        maybe(0.15, options, TM + "task.heap.size", () -> part(base, 0.6));
        maybe(0.15, options, random.nextInt(5) == 0 ? "taskmanager.memory.size" : TM + "managed.size", () -> part(base, 0.6));
        if (random.nextInt(8) == 0) {
            options.put(TM + "task.heap.size", part(base, 0.5));
            options.put(TM + "managed.size", part(base, 0.5));
        }
        maybe(0.1, options, TM + "framework.heap.size", () -> part(base, 0.2));
        maybe(0.1, options, TM + "framework.off-heap.size", () -> part(base, 0.2));
        maybe(0.1, options, TM + "task.off-heap.size", () -> part(base, 0.2));
        maybe(0.15, options, TM + "managed.fraction", this::fraction);
        String network = random.nextInt(5) == 0 ? "taskmanager.network.memory." : TM + "network.";
        range(0.12, network, options, base);
        maybe(0.12, options, "taskmanager.network.numberOfBuffers", () -> pick("1", "2048", "4096", "32768", "0", "-1", "many"));
        maybe(0.1, options, TM + "segment-size", () -> pick("32kb", "4096", "64kb", "1mb", "4095", "33kb", "4gb"));
        outer(TM, "taskmanager.heap.", options, base);
        maybe(0.4, options, "taskmanager.numberOfTaskSlots", () -> String.valueOf(1 + random.nextInt(9)));
        maybe(0.2, options, "taskmanager.cpu.cores", () -> pick("1", "0.5", "2.75", "0.123456789", "12", "0.00000001", "0", "-1", "some"));
        maybe(0.2, options, "yarn.containers.vcores", () -> pick("-1", "1", "3", "0", "16"));
        externalResources(options);
        return describe("taskmanager", options);
    }

    private String jobManager() {
        Map<String, String> options = new TreeMap<>();
        long base = total();
        totals(JM, options, base);
        maybe(0.4, options, JM + "heap.size", () -> part(base, 1.1));
        maybe(0.3, options, JM + "off-heap.size", () -> part(base, 0.4));
        outer(JM, "jobmanager.heap.", options, base);
        if (random.nextInt(6) == 0) {
            long heap = (64L + random.nextInt(4096)) << 20;
            long offHeap = (1L + random.nextInt(512)) << 20;
            options.put(JM + "heap.size", heap + "b");
            options.put(JM + "off-heap.size", offHeap + "b");
            options.put(JM + "flink.size", heap + offHeap + (random.nextBoolean() ? 0 : 1) + "b");
        }
        return describe("jobmanager", options);
    }

    /** Some sets have no total, some have both. */
    private void totals(String prefix, Map<String, String> options, long base) {
        int which = random.nextInt(10);
        if (which < 5 || which == 8) {
            options.put(prefix + "process.size", size(base));
        }
        if (which >= 5 && which < 9) {
            options.put(prefix + "flink.size", which == 8 ? part(base, 1.0) : size(base));
        }
    }

    private void outer(String prefix, String legacy, Map<String, String> options, long base) {
        maybe(0.1, options, prefix + "jvm-metaspace.size", () -> part(base, 0.3));
        range(0.1, prefix + "jvm-overhead.", options, base);
        maybe(0.08, options, legacy + "size", () -> size(base));
        maybe(0.05, options, legacy + "mb", () -> random.nextInt(10) == 0 ? "-5" : String.valueOf(base >> 20));
    }

    private void range(double chance, String prefix, Map<String, String> options, long base) {
        maybe(chance, options, prefix + "min", () -> part(base, 0.3));
        maybe(chance, options, prefix + "max", () -> part(base, 0.8));
        maybe(chance, options, prefix + "fraction", this::fraction);
    }

    private void externalResources(Map<String, String> options) {
        if (random.nextInt(5) != 0) {
            return;
        }
        options.put("external-resources", pick("gpu", "gpu;fpga", "none", "", "fpga; gpu", "gpu;gpu"));
        maybe(0.8, options, "external-resource.gpu.amount", () -> pick("1", "2", "7", "0", "-3"));
        maybe(0.8, options, "external-resource.fpga.amount", () -> pick("1", "5"));
        maybe(0.5, options, "external-resource.gpu.yarn.config-key", () -> "yarn.io/gpu");
    }

    // ---- values ----

    /** Around the limits mostly, sometimes far beyond. */
    private long total() {
        switch (random.nextInt(12)) {
            case 0:
                return random.nextInt(1 << 30);
            case 1:
                return (random.nextLong() >>> 1) >>> random.nextInt(16);
            case 2:
                return (900L + random.nextInt(200)) << 20;
            case 3:
                return (1L + random.nextInt(64)) << 30;
            default:
                return (256L + random.nextInt(16384)) * (1L << 20) + (random.nextBoolean() ? random.nextInt(1 << 20) : 0);
        }
    }

    private String part(long base, double most) {
        if (random.nextInt(60) == 0) {
            return pick(BAD_SIZES);
        }
        if (random.nextInt(25) == 0) {
            return pick("0", "1b", "9223372036854775807b", "8388607tb", "4194304tb");
        }
        return size((long) (base * random.nextDouble() * most));
    }

    private String size(long bytes) {
        if (random.nextInt(100) == 0) {
            return pick(BAD_SIZES);
        }
        int unit = random.nextInt(UNITS.length);
        int shift = unit < 3 ? 0 : unit < 6 ? 10 : unit < 10 ? 20 : 30;
        long number = bytes >> shift;
        return number == 0 ? bytes + "b" : number + UNITS[unit];
    }

    private String fraction() {
        switch (random.nextInt(14)) {
            case 0:
                return pick("1", "1.5", "-0.1", "NaN", "half", "Infinity", "");
            case 1:
                return pick("0", "0.0", "1e-3", "1E-9", "0.999", "0.99999994", ".3", "1e-40");
            case 2:
            case 3:
                return Float.toString(random.nextFloat());
            default:
                return "0." + (1 + random.nextInt(95));
        }
    }

    private String pick(String... values) {
        return values[random.nextInt(values.length)];
    }

    private void maybe(double chance, Map<String, String> options, String key, java.util.function.Supplier<String> value) {
        if (random.nextDouble() < chance) {
            options.put(key, value.get());
        }
    }

    // ---- what Flink makes of it ----

    private static String describe(String process, Map<String, String> options) {
        Configuration configuration = Configuration.fromMap(options);
        Map<String, String> line = new java.util.LinkedHashMap<>();
        line.put("process", quoted(process));
        line.put("options", object(options, true));
        try {
            line.put("spec", process.equals("taskmanager") ? worker(configuration) : master(configuration));
        } catch (RuntimeException refusal) {
            line.put("refusal", quoted(kind(refusal)));
            line.put("message", quoted(String.valueOf(innermost(refusal).getMessage())));
        }
        return object(line, false);
    }

    private static String worker(Configuration original) {
        Configuration configuration = TaskExecutorProcessUtils.getConfigurationMapLegacyTaskManagerHeapSizeToConfigOption(
                original, TaskManagerOptions.TOTAL_PROCESS_MEMORY);
        // As on YARN: the vcores of a container stand in for the cores.
        int vcores = Integer.parseInt(configuration.getString("yarn.containers.vcores", "-1"));
        if (vcores > 0 && !configuration.contains(TaskManagerOptions.CPU_CORES)) {
            configuration = new Configuration(configuration);
            configuration.set(TaskManagerOptions.CPU_CORES, (double) vcores);
        }
        TaskExecutorProcessSpec spec = TaskExecutorProcessUtils.processSpecFromConfig(configuration);
        Map<String, String> sums = outer(spec);
        sums.put("framework_heap", bytes(spec.getFlinkMemory().getFrameworkHeap()));
        sums.put("framework_off_heap", bytes(spec.getFlinkMemory().getFrameworkOffHeap()));
        sums.put("task_heap", bytes(spec.getTaskHeapSize()));
        sums.put("task_off_heap", bytes(spec.getTaskOffHeapSize()));
        sums.put("network", bytes(spec.getNetworkMemSize()));
        sums.put("managed", bytes(spec.getManagedMemorySize()));
        sums.put("cpu", quoted(spec.getCpuCores().getValue().toPlainString()));
        sums.put("slots", String.valueOf(spec.getNumSlots()));
        WorkerResourceSpec wish = WorkerResourceSpec.fromTaskExecutorProcessSpec(spec);
        sums.put("total", profile(SlotManagerUtils.generateTaskManagerTotalResourceProfile(wish)));
        sums.put("slot", profile(SlotManagerUtils.generateDefaultSlotResourceProfile(wish, spec.getNumSlots())));
        sums.put("dynamic", quoted(TaskExecutorProcessUtils.generateDynamicConfigsStr(spec)));
        sums.put("from_wish", fromWish(configuration, wish));
        return object(sums, false);
    }

    /** The way back, as the ResourceManager goes it for a worker that it asks for. */
    private static String fromWish(Configuration configuration, WorkerResourceSpec wish) {
        try {
            return object(outer(TaskExecutorProcessUtils.processSpecFromWorkerResourceSpec(configuration, wish)), false);
        } catch (RuntimeException refusal) {
            return quoted(kind(refusal));
        }
    }

    private static String master(Configuration configuration) {
        JobManagerProcessSpec spec = JobManagerProcessUtils.processSpecFromConfigWithNewOptionToInterpretLegacyHeap(
                configuration, JobManagerOptions.TOTAL_PROCESS_MEMORY);
        Map<String, String> sums = outer(spec);
        sums.put("heap", bytes(spec.getJvmHeapMemorySize()));
        sums.put("off_heap", bytes(spec.getJvmDirectMemorySize()));
        sums.put("dynamic", quoted(JobManagerProcessUtils.generateDynamicConfigsStr(spec)));
        return object(sums, false);
    }

    private static Map<String, String> outer(ProcessMemorySpec spec) {
        Map<String, String> sums = new TreeMap<>();
        sums.put("total_process", bytes(spec.getTotalProcessMemorySize()));
        sums.put("total_flink", bytes(spec.getTotalFlinkMemorySize()));
        sums.put("metaspace", bytes(spec.getJvmMetaspaceSize()));
        sums.put("overhead", bytes(spec.getJvmOverheadSize()));
        return sums;
    }

    private static String profile(ResourceProfile profile) {
        Map<String, String> sums = new TreeMap<>();
        sums.put("cpu", quoted(profile.getCpuCores().getValue().toPlainString()));
        sums.put("task_heap", bytes(profile.getTaskHeapMemory()));
        sums.put("task_off_heap", bytes(profile.getTaskOffHeapMemory()));
        sums.put("managed", bytes(profile.getManagedMemory()));
        sums.put("network", bytes(profile.getNetworkMemory()));
        Map<String, String> extended = new TreeMap<>();
        profile.getExtendedResources().forEach((name, resource) -> extended.put(name, resource.getValue().toPlainString()));
        sums.put("extended", object(extended, true));
        return object(sums, false);
    }

    private static Throwable innermost(Throwable refusal) {
        Throwable found = refusal;
        for (Throwable cause = refusal.getCause(); cause != null; cause = cause.getCause()) {
            if (cause instanceof IllegalConfigurationException) {
                found = cause;
            }
        }
        return found;
    }

    /** The refusals by the place in Flink that makes them; the ids are those of docs/memory.md. */
    private static String kind(Throwable refusal) {
        Throwable cause = innermost(refusal);
        String message = String.valueOf(cause.getMessage()).replaceFirst("^(Task|Job)Manager (memory configuration failed|failed to map[^:]*): ", "");
        String[][] kinds = {
            {"Either required fine-grained memory", "E0"},
            {"Sum of configured JVM Metaspace", "E1"},
            {"Sum of configured Framework Heap Memory .*Task Heap Memory", "E2"},
            {"Sum of configured Framework Heap Memory", "E3"},
            {"Derived Network Memory size .* is not in", "E4"},
            {"Derived Network Memory size .* does not match", "E5"},
            {"Configured and Derived Flink internal", "E6"},
            {"The configured Total Process Memory size", "E7"},
            {"Derived JVM Overhead size", "E8"},
            {"Sum of the configured JVM Heap", "E9"},
            {"The configured JVM Heap Memory", "E10"},
            {"The configured Total Flink Memory", "E11"},
            {"Inconsistently configured", "E13"},
            {"Cannot read|Could not parse|Configured total process memory size|bytes must be >= 0|For input string", "E12"},
            {"Invalid configuration value for taskmanager.memory.segment-size|Cannot downcast", "SEGMENT"},
            {"TaskExecutors need to be started", "CPU"},
            {"long overflow", "OVERFLOW"},
        };
        for (String[] kind : kinds) {
            if (message.matches("(?s)(" + kind[0] + ").*")) {
                return kind[1];
            }
        }
        throw new IllegalStateException("a refusal of no known kind", refusal);
    }

    private static String bytes(org.apache.flink.configuration.MemorySize size) {
        return String.valueOf(size.getBytes());
    }

    private static String object(Map<String, String> members, boolean areTexts) {
        List<String> texts = new ArrayList<>();
        members.forEach((key, value) -> texts.add(quoted(key) + ":" + (areTexts ? quoted(value) : value)));
        return texts.stream().collect(Collectors.joining(",", "{", "}"));
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
    }
}
