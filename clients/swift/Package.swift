// swift-tools-version:5.7

import PackageDescription

let package = Package(
    name: "CirrusMQTT",
    platforms: [.iOS(.v13), .macOS(.v10_15), .tvOS(.v13)],
    products: [.`library`(name: "CirrusWebSocket", targets: ["CirrusWire", "CirrusWebSocket"])],
    targets: [
        .target(name: "CirrusWire"),
        .target(name: "CirrusWebSocket", dependencies: ["CirrusWire"]),
        .testTarget(name: "CirrusWireTests", dependencies: ["CirrusWire"]),
        .testTarget(name: "CirrusWebSocketTests", dependencies: ["CirrusWebSocket"]),
    ]
)

// CocoaMQTT supports Apple's systems only; the rest also builds and is tested on Linux.
#if !os(Linux)
package.products.append(.`library`(name: "CirrusCocoaMQTT", targets: ["CirrusCocoaMQTT"]))
package.dependencies.append(.package(url: "https://github.com/emqx/CocoaMQTT.git", "2.1.8"..<"3.0.0"))
package.targets.append(
    .target(
        name: "CirrusCocoaMQTT",
        dependencies: ["CirrusWebSocket", .product(name: "CocoaMQTTWebSocket", package: "CocoaMQTT")]
    )
)
#endif
