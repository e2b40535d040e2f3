import java.lang.reflect.Method;
import java.util.Map;
import org.apache.kafka.server.common.FeatureVersion;
import org.apache.kafka.server.common.MetadataVersion;

/** Prints what the jars of one Kafka version say of features: see make_tables.py. */
public class Levels {
    public static void main(String[] args) throws Exception {
        int latest = MetadataVersion.latestProduction().featureLevel();
        System.out.println("range metadata.version " + least() + " " + latest);
        for (MetadataVersion each : MetadataVersion.values()) {
            if (each.featureLevel() >= least() && each.featureLevel() <= latest) {
                boolean changed = each.didMetadataChange();
                System.out.println("level metadata.version " + each.featureLevel() + " "
                    + each.version() + " " + changed);
            }
        }
        for (Object each : (Iterable<?>) features().getField("PRODUCTION_FEATURES").get(null)) {
            Object name = call(each, "featureName");
            System.out.println("range " + name + " " + call(each, "minimumProduction") + " "
                + call(each, "latestProduction"));
            for (FeatureVersion level : (FeatureVersion[]) call(each, "featureVersions")) {
                for (Map.Entry<String, Short> other : level.dependencies().entrySet()) {
                    System.out.println("needs " + name + " " + level.featureLevel() + " "
                        + other.getKey() + " " + other.getValue());
                }
            }
        }
    }

    private static Class<?> features() throws ClassNotFoundException {
        try {
            return Class.forName("org.apache.kafka.server.common.Feature");
        } catch (ClassNotFoundException before4) {
            return Class.forName("org.apache.kafka.server.common.Features");
        }
    }

    private static int least() throws Exception {
        for (String name : new String[] {"MINIMUM_VERSION", "MINIMUM_KRAFT_VERSION"}) {
            try {
                return ((MetadataVersion) MetadataVersion.class.getField(name).get(null)).featureLevel();
            } catch (NoSuchFieldException otherName) {
                continue;
            }
        }
        throw new IllegalStateException("no lowest metadata.version");
    }

    private static Object call(Object on, String name) throws Exception {
        Method method = on.getClass().getMethod(name);
        return method.invoke(on);
    }
}
