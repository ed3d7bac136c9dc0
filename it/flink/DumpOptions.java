import java.io.File;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Enumeration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.FallbackKey;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.util.TimeUtils;

/**
 * Writes every option that Flink declares as a static field to standard output, as JSON in order of keys.
 * Arguments: the jars to look into. Types and defaults that have no public accessor are read by reflection.
 */
public class DumpOptions {
    record Declared(ConfigOption<?> option, boolean isPublic, boolean isDeprecated, TreeSet<String> classes) {}

    public static void main(String[] jars) throws Exception {
        TreeMap<String, Declared> options = new TreeMap<>();
        for (String jar : jars) {
            collect(new File(jar), options);
        }
        List<String> lines = new ArrayList<>();
        for (Declared declared : options.values()) {
            lines.add(line(declared));
        }
        System.out.println("[\n" + String.join(",\n", lines) + "\n]");
    }

    private static void collect(File file, Map<String, Declared> options) throws Exception {
        try (JarFile jar = new JarFile(file)) {
            for (Enumeration<JarEntry> entries = jar.entries(); entries.hasMoreElements(); ) {
                String name = entries.nextElement().getName();
                if (!name.startsWith("org/apache/flink/") || !name.endsWith(".class") || name.contains("/shaded/")) {
                    continue;
                }
                String type = name.substring(0, name.length() - ".class".length()).replace('/', '.');
                try {
                    collect(Class.forName(type, false, DumpOptions.class.getClassLoader()), options);
                } catch (LinkageError absent) {
                    // A class of an optional dependency. Those that declare options must load: see the message.
                    if (type.matches(".*(Options|ConfigOption|Configuration)[A-Za-z]*")) {
                        System.err.println("left out: " + type + ": " + absent);
                    }
                }
            }
        }
    }

    private static void collect(Class<?> type, Map<String, Declared> options) throws Exception {
        for (Field field : type.getDeclaredFields()) {
            if (!Modifier.isStatic(field.getModifiers()) || field.getType() != ConfigOption.class || field.isSynthetic()) {
                continue;
            }
            field.setAccessible(true);
            ConfigOption<?> option = (ConfigOption<?>) field.get(null);
            if (option == null) {
                continue;
            }
            boolean isPublic = Modifier.isPublic(field.getModifiers()) && Modifier.isPublic(type.getModifiers());
            boolean isDeprecated = field.isAnnotationPresent(Deprecated.class) || type.isAnnotationPresent(Deprecated.class);
            Declared known = options.get(option.key());
            // Of two declarations the one that is not deprecated counts.
            if (known == null || known.isDeprecated() && !isDeprecated) {
                TreeSet<String> classes = known == null ? new TreeSet<>() : known.classes();
                classes.add(type.getName());
                options.put(option.key(), new Declared(option, isPublic, isDeprecated, classes));
                continue;
            }
            Declared other = new Declared(option, known.isPublic(), known.isDeprecated(), known.classes());
            if (!isDeprecated && !line(other).equals(line(known))) {
                System.err.println("declared twice, differently: " + option.key() + " in " + known.classes() + " and " + type.getName());
            }
            known.classes().add(type.getName());
        }
    }

    private static String line(Declared declared) throws Exception {
        ConfigOption<?> option = declared.option();
        Class<?> type = (Class<?>) read(option, "clazz");
        boolean isList = (Boolean) read(option, "isList");
        List<String> fallback = new ArrayList<>();
        List<String> deprecated = new ArrayList<>();
        for (FallbackKey key : option.fallbackKeys()) {
            (key.isDeprecated() ? deprecated : fallback).add(key.getKey());
        }
        List<String> members = new ArrayList<>();
        members.add("\"key\": " + quoted(option.key()));
        members.add("\"default\": " + (option.hasDefaultValue() ? quoted(text(option.defaultValue())) : "null"));
        members.add("\"type\": " + quoted(typeName(type)));
        members.add("\"is_list\": " + isList);
        if (type.isEnum()) {
            List<String> values = new ArrayList<>();
            for (Object value : type.getEnumConstants()) {
                values.add(value.toString());
            }
            members.add("\"values\": " + array(values));
        }
        members.add("\"fallback_keys\": " + array(fallback));
        members.add("\"deprecated_keys\": " + array(deprecated));
        members.add("\"public\": " + declared.isPublic());
        members.add("\"deprecated\": " + declared.isDeprecated());
        members.add("\"declared_in\": " + array(declared.classes()));
        return "  {" + String.join(", ", members) + "}";
    }

    private static Object read(ConfigOption<?> option, String name) throws Exception {
        Field field = ConfigOption.class.getDeclaredField(name);
        field.setAccessible(true);
        return field.get(option);
    }

    private static String typeName(Class<?> type) {
        if (type.isEnum()) {
            return "enum";
        }
        if (type == Map.class) {
            return "map";
        }
        if (type == Duration.class) {
            return "duration";
        }
        if (type == MemorySize.class) {
            return "memory";
        }
        return type.getName().startsWith("java.lang.") ? type.getSimpleName().toLowerCase() : type.getName();
    }

    /** The form that a configuration file has: lists by semicolons, maps by commas, sizes and durations with units. */
    private static String text(Object value) {
        if (value instanceof Duration duration) {
            return TimeUtils.formatWithHighestUnit(duration);
        }
        if (value instanceof Collection<?> items) {
            return items.stream().map(DumpOptions::text).collect(Collectors.joining(";"));
        }
        if (value instanceof Map<?, ?> map) {
            return map.entrySet().stream()
                    .map(entry -> text(entry.getKey()) + ":" + text(entry.getValue()))
                    .collect(Collectors.joining(","));
        }
        return value.toString();
    }

    private static String array(Collection<String> texts) {
        return texts.stream().map(DumpOptions::quoted).collect(Collectors.joining(", ", "[", "]"));
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            switch (c) {
                case '"' -> quoted.append("\\\"");
                case '\\' -> quoted.append("\\\\");
                default -> quoted.append(c < ' ' || c > '~' ? String.format("\\u%04x", (int) c) : String.valueOf(c));
            }
        }
        return quoted.append('"').toString();
    }
}
